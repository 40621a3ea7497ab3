"""`risk inspect`: what is in a manifest: type, sender, counts, findings, the first bills."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from risk.manifests import Findings, MessageFacts, Reject

SHOWN_MESSAGES = 20
"""Messages and rejects that are shown one by one; all of them are counted."""


@dataclass
class Content:
    """What was seen of one file; `findings` are counted, of messages, rejects and bills the first are kept."""

    file: str
    kinds: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    messages: list[MessageFacts] = field(default_factory=list)
    cancelled: int = 0
    consignments: int = 0
    lines: int = 0
    outcomes: int = 0
    rejected: int = 0
    findings: Findings | None = None
    rejects: list[Reject] = field(default_factory=list)
    bills: list[pd.DataFrame] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The counts by name."""
        return {
            "messages": sum(self.functions.values()),
            "consignments": self.consignments,
            "goods_lines": self.lines,
            "cancelled": self.cancelled,
            "outcomes": self.outcomes,
            "rejected": self.rejected,
            "findings": sum(finding.count for finding in self.findings or ()),
        }


def mount(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def inspect(
        file: Annotated[Path, typer.Argument(help="A manifest in any format that can be read.")],
        mapping: Annotated[Path | None, typer.Option(help="Mapping file (YAML) for other people's columns.")] = None,
        encoding: Annotated[str | None, typer.Option(help="Encoding of text that does not say it.")] = None,
        show: Annotated[int, typer.Option(min=0, help="Show so many bills.")] = 10,
        json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    ) -> int:
        """Show what a manifest holds, without storing or scoring it."""
        from serving.terminal import print_json

        content = look(file, mapping, encoding, show)
        if json:
            print_json(as_json(content))
        else:
            _print(content)
        return 3 if content.rejected else 0


def look(file: Path, mapping: Path | None = None, encoding: str | None = None, show: int = 10) -> Content:
    """Read a file to its end and keep what is shown. A message that does not say when it was sent counts as now."""
    from risk.manifests import ColumnMapping, Findings, read_manifest
    from risk.manifests.content import packing, recognise

    content = Content(str(file), findings=Findings())
    columns = None if mapping is None else ColumnMapping.load(mapping)
    left = show
    for batch in read_manifest(file, mapping=columns, encoding=encoding, received_at=datetime.now(UTC)):
        for facts in batch.messages:
            content.kinds[f"{facts.format} {facts.version}".strip()] += 1
            content.functions[facts.function] += 1
            content.cancelled += len(facts.cancelled)
        content.messages += batch.messages[: SHOWN_MESSAGES - len(content.messages)]
        content.rejects += batch.rejects[: SHOWN_MESSAGES - len(content.rejects)]
        content.rejected += len(batch.rejects)
        content.outcomes += len(batch.outcomes)
        content.findings = (content.findings or Findings()) + batch.findings
        lines = batch.consignments
        content.lines += len(lines)
        if len(lines):
            numbers = lines["consignment_id"].astype(str) + "\0" + lines["version"].astype(str)
            content.consignments += int(numbers.nunique())
            if left:
                first = numbers.drop_duplicates().head(left)
                content.bills.append(lines[numbers.isin(first)])
                left -= len(first)
    if not content.kinds:
        archive = packing(file)
        known = encoding or (columns.encoding if columns else None)
        content.kinds[archive if archive == "a zip file" else recognise(file, known)[0]] += 1
    return content


def as_json(content: Content) -> dict[str, Any]:
    """All that was seen, in plain values; a goods line holds only what is stated."""
    import pandas as pd

    return {
        "file": content.file,
        "kinds": dict(content.kinds),
        "functions": dict(content.functions),
        "counts": content.counts(),
        "messages": [asdict(facts) | {"differences": facts.differences()} for facts in content.messages],
        "findings": [asdict(finding) for finding in content.findings or ()],
        "rejects": [asdict(reject) for reject in content.rejects],
        "goods_lines": [
            {name: value for name, value in row.items() if pd.notna(value)}
            for bills in content.bills
            for row in bills.assign(**_times(bills)).to_dict("records")
        ],
    }


def _times(bills: pd.DataFrame) -> dict[str, Any]:
    """Columns of times as ISO text."""
    return {
        name: bills[name].map(lambda moment: moment.isoformat(), na_action="ignore")
        for name in bills.columns
        if bills[name].dtype.kind == "M"
    }


def _print(content: Content) -> None:
    from rich.table import Table

    from serving.terminal import out

    def say(text: str) -> None:
        out.print(text, markup=False)

    say(f"{content.file}: " + ", ".join(f"{count:,} x {kind}" for kind, count in content.kinds.items()))
    for facts in content.messages:
        say(
            f"  {facts.format} {facts.version} {facts.reference}: {facts.function}, from {facts.sender or '?'} "
            f"to {facts.recipient or '?'}, prepared {facts.prepared_at or '(not told)'}"
        )
        for name, (declared, read) in facts.differences().items():
            say(f"    {name}: declared {declared:,.10g}, read {read:,.10g}")
    say("  " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in content.counts().items() if count))
    if content.findings:
        table = Table("field", "finding", "times", "first at", "value", title="Findings", title_justify="left")
        for finding in content.findings:
            place = str(finding.line)
            table.add_row(*map(_plain, (finding.field, finding.reason, f"{finding.count:,}", place, finding.value)))
        out.print(table)
    if content.rejects:
        table = Table("at", "field", "value", "reason", title="Rejected", title_justify="left")
        for reject in content.rejects:
            table.add_row(*map(_plain, (str(reject.line), reject.field, reject.value, reject.reason)))
        out.print(table)
    if content.bills:
        out.print(_bills(content.bills))


def _bills(frames: list[pd.DataFrame]) -> Any:
    from rich.table import Table

    table = Table(title="First bills", title_justify="left", show_lines=True)
    table.add_column("bill and its master", no_wrap=True)
    for name in ("route", "shipper, consignee", "goods"):
        table.add_column(name)
    for name in ("packages", "kg", "boxes"):
        table.add_column(name, justify="right", no_wrap=True)
    for frame in frames:
        for _, lines in frame.groupby(["consignment_id", "version"], sort=False):
            row = lines.iloc[0]
            goods = "; ".join(f"{_told(line, 'hs_code')} {_told(line, 'description')}" for _, line in lines.iterrows())
            cells = (
                "\n".join(filter(None, (_told(row, "bl_no") or row["consignment_id"], _told(row, "master_bl_no")))),
                f"{_told(row, 'loading_port') or '?'} {_told(row, 'discharge_port') or '?'}",
                "\n".join((_told(row, "shipper_name") or "?", _told(row, "consignee_name") or "?")),
                goods.strip(),
            )
            numbers = (_sum(lines, "packages"), _sum(lines, "gross_weight_kg"))
            table.add_row(*map(_plain, cells), *numbers, str(_told(row, "containers").count('"no"') or ""))
    return table


def _told(row: pd.Series, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _sum(lines: pd.DataFrame, name: str) -> str:
    return f"{lines[name].sum():,.10g}" if name in lines and lines[name].notna().any() else ""


def _plain(text: str) -> Any:
    """A text of the file as it is, without markup and not longer than a cell can hold."""
    from rich.text import Text

    text = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return Text(text if len(text) <= 100 else text[:99] + "…")
