"""`risk parties`: who is who, and what people say about it."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from risk.parties.resolver import Parties

app = typer.Typer(help="Who is who: spellings that are one party, and judgements about them.", no_args_is_help=True)

AsOf = Annotated[str | None, typer.Option("--as-of", help="ISO 8601 time; what was known strictly before it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def search(
    name: Annotated[str, typer.Argument(help="A name in any script and spelling.")],
    country: Annotated[str, typer.Option(help="Two-letter country code.")] = "",
    address: Annotated[str, typer.Option(help="The address, as far as it is known.")] = "",
    identifier: Annotated[str, typer.Option(help="Tax or registration number.")] = "",
    most: Annotated[int, typer.Option(min=1, help="How many parties to show.")] = 10,
    as_of: AsOf = None,
    json: Json = False,
) -> int:
    """Parties that a name may be, the likeliest first, with the score and the rule."""
    from risk.parties.mentions import Mention
    from risk.parties.names import role
    from serving.parties_at import written
    from serving.terminal import out, print_json, say

    parties = _load(as_of)
    matches = parties.resolve(Mention(name, country, address, identifier), most)
    found = [{**vars(match), "name": written(parties, match.party)["name"]} for match in matches]
    if json:
        print_json({"name": name, "role": role(name), "matches": found})
    elif not found:
        stands_for = role(name)
        say(f"no party like it ({'new' if stands_for in ('party', 'forwarder') else 'no party: ' + stands_for})")
    for match in [] if json else found:
        out.print(
            f"{match['party']}  {match['score']:.2f}  {match['rule']:<18}  "
            f"{'linked  ' if match['linked'] else 'possible'}  {_shown(match['name'])}",
            markup=False,
        )
    return 0


@app.command()
def show(
    party: Annotated[str, typer.Argument(help="Id of a party or of one of its spellings.")],
    as_of: AsOf = None,
    json: Json = False,
) -> int:
    """All spellings of a party, the inferred links that hold them together, judgements, and likely others."""
    from serving.terminal import out, print_json

    content = _described(_load(as_of), party)
    if json:
        print_json(content)
        return 0
    out.print(f"{content['party']}  {len(content['spellings'])} spellings", markup=False)
    for entry in content["spellings"]:
        written = [_shown(entry[part]) for part in ("name", "country", "identifier", "address") if entry[part]]
        out.print(f"  {entry['id']}  {entry['seen']:>6} x  {'  '.join(written)}", markup=False)
    for entry in content["links"]:
        out.print(f"  inferred {entry['left']} = {entry['right']}  {entry['score']:.2f}  {entry['rule']}", markup=False)
    for entry in content["possible"]:
        out.print(
            f"  possible {entry['party']}  {entry['score']:.2f}  {entry['rule']}  {_shown(entry['name'])}", markup=False
        )
    for entry in content["judgements"]:
        who = f"by {_shown(entry['judged_by'])}: {_shown(entry['why'])}"
        out.print(f"  judged {entry['left']} {entry['verdict']} {entry['right']} {who}", markup=False)
    return 0


@app.command()
def judge(
    left: Annotated[str, typer.Argument(help="Id of a party or spelling.")],
    right: Annotated[str, typer.Argument(help="Id of another one.")],
    verdict: Annotated[str, typer.Argument(help="same, different or unsure.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for those who come later.")],
    by: Annotated[str | None, typer.Option("--by", help="Who judges; the user of this machine if left out.")] = None,
    json: Json = False,
) -> int:
    """Say that two parties are the same or different, or that nobody can tell; it counts from now on."""
    from risk.errors import UsageError
    from risk.layout import utc
    from risk.parties.judgements import judgement
    from serving.settings import settings
    from serving.store import Store
    from serving.store import parties as stored
    from serving.terminal import print_json, say

    made = judgement(left, right, verdict, datetime.now(UTC), by or _user(), why)
    parties = _load(None)
    for id_ in (left, right):
        if parties.party(id_) is None:
            raise UsageError(f"There is no party {id_}; `risk parties search NAME` shows ids")
    with Store.open(settings().store_url, create=False) as store, store.transaction() as connection:
        number = stored.add(connection, made)
        said = stored.judgements(connection)
    after = parties.at(None, said)
    refused = [
        "other judgements hold the two apart, and different wins over same"
        for one in after.clusters.refused
        if one.pair == made.pair
    ]
    content = {
        "judgement": number,
        "judged_at": utc(made.judged_at),
        "left": {"id": left, "party": after.party(left)},
        "right": {"id": right, "party": after.party(right)},
        "refused": refused,
    }
    if json:
        print_json(content)
    else:
        one = after.party(left) == after.party(right)
        say(f"noted as judgement {number}; they are now {'one party' if one else 'two parties'}")
        for reason in refused:
            say(f"not followed: {reason}")
    return 0


def _user() -> str:
    from risk.errors import UsageError

    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("This machine does not say who you are; give --by NAME") from error


def _shown(text: str) -> str:
    """A text from a filing as it can be printed: short, and without characters that steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text[:120])


def _load(as_of: str | None) -> Parties:
    from risk.parties.resolver import Parties
    from serving.settings import settings
    from serving.store import Store
    from serving.store import parties as stored

    when = _time(as_of)
    with Store.open(settings().store_url, create=False) as store, store.reading() as connection:
        return Parties.of(stored.mentions(connection, filed_before=when), stored.judgements(connection), when)


def _time(text: str | None) -> datetime | None:
    from risk.errors import UsageError

    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--as-of is {text!r}; an ISO 8601 time like 2026-06-30T00:00:00Z is expected") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _described(parties: Parties, id_: str) -> dict[str, Any]:
    from risk.errors import UsageError
    from serving.parties_at import described

    if parties.party(id_) is None:
        raise UsageError(f"There is no party {id_}; `risk parties search NAME` shows ids")
    return described(parties, id_)
