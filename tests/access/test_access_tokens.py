"""Bearer tokens of an identity provider of our own: what is taken, and all that is not."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from offices import House, now, open_house

from risk.errors import UsageError
from serving.access import people
from serving.access.errors import UnknownError
from serving.access.principal import local
from serving.access.tokens import Issuer, Tokens

ISSUER, AUDIENCE = "https://id.example", "risk"


class Provider:
    """Keys and the tokens signed with them."""

    def __init__(self) -> None:
        self.keys = {"k1": rsa.generate_private_key(public_exponent=65537, key_size=2048)}

    def jwks(self) -> bytes:
        public = [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) for key in self.keys.values()]
        entries = [
            {**one, "kid": name, "use": "sig", "alg": "RS256"} for name, one in zip(self.keys, public, strict=True)
        ]
        return json.dumps({"keys": entries}).encode()

    def token(self, kid: str = "k1", algorithm: str = "RS256", key: Any = None, **claims: Any) -> str:
        at = int(time.time())
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "an", "iat": at, "exp": at + 300, "roles": ["officer"],
                "offices": ["VNHPH"], **claims}  # fmt: skip
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, self.keys[kid] if key is None else key, algorithm, headers={"kid": kid})


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


@pytest.fixture
def trusting(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A service that takes the provider's tokens; its keys are in a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.json").write_bytes(provider.jwks())
    opened = open_house(tmp_path, oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_keys=str(tmp_path / "keys.json"))
    yield opened
    opened.store.close()


def _ask(house: House, token: str, path: str = "/v1/me") -> Any:
    return house.client().get(path, headers={"Authorization": f"Bearer {token}"})


def test_a_token_says_who_it_is_with_roles_and_offices(trusting: House, provider: Provider) -> None:
    me = _ask(trusting, provider.token(roles="officer analyst king", offices=["VNHPH", "VNSGN"])).json()
    assert me == {
        "id": "an",
        "roles": ["analyst", "officer"],
        "offices": ["VNHPH", "VNSGN"],
        "how": "token",
        "csrf": None,
    }
    assert _ask(trusting, provider.token(offices="*")).json()["offices"] is None
    assert _ask(trusting, provider.token(offices=None)).json()["offices"] == []
    assert _ask(trusting, provider.token(roles=None), "/v1/worklist").status_code == 403
    assert _ask(trusting, provider.token(aud=["other", AUDIENCE])).status_code == 200


def _forged(provider: Provider) -> dict[str, Callable[[], str]]:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = provider.keys["k1"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip

    def hmac_with_the_public_key() -> str:
        import hashlib
        import hmac

        head, body, _ = provider.token().split(".")
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1","typ":"JWT"}').decode().rstrip("=")
        mac = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()
        return f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    def without_signature() -> str:
        _, body, _ = provider.token().split(".")
        head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').decode().rstrip("=")
        return f"{head}.{body}."

    def altered() -> str:
        head, body, mac = provider.token().split(".")
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        said["roles"] = ["administrator"]
        return f"{head}.{base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip('=')}.{mac}"

    def naming_its_own_keys() -> str:
        said = jwt.decode(provider.token(), options={"verify_signature": False})
        more = {"kid": "k9", "jku": "http://127.0.0.1:9/keys", "jwk": {"kty": "oct", "k": "AA"}}
        return jwt.encode(said, stranger, "RS256", headers=more)

    old = int(time.time()) - 3_600
    return {
        "another issuer": lambda: provider.token(iss="https://evil.example"),
        "another audience": lambda: provider.token(aud="payroll"),
        "no audience": lambda: provider.token(aud=None),
        "ended": lambda: provider.token(exp=old),
        "never ends": lambda: provider.token(exp=None),
        "issued tomorrow": lambda: provider.token(iat=old + 90_000),
        "not yet valid": lambda: provider.token(nbf=old + 90_000),
        "names nobody": lambda: provider.token(sub=" "),
        "named as a system": lambda: provider.token(sub="key:customs"),
        "signed by a stranger": lambda: provider.token(key=stranger),
        "another algorithm of the same key": lambda: provider.token(algorithm="PS256"),
        "a curve instead": lambda: provider.token(algorithm="ES256", key=ec.generate_private_key(ec.SECP256R1())),
        "the public key as a password": hmac_with_the_public_key,
        "without a signature": without_signature,
        "altered": altered,
        "naming its own keys": naming_its_own_keys,
        "no token": lambda: "not.a.token",
        "endless": lambda: "a" * 20_000,
    }


@pytest.mark.parametrize("kind", sorted(_forged(Provider())))
def test_a_token_that_is_not_the_issuers_for_this_service_is_refused(
    trusting: House, provider: Provider, kind: str
) -> None:
    assert _ask(trusting, provider.token()).status_code == 200
    answer = _ask(trusting, _forged(provider)[kind]())
    assert answer.status_code == 401, answer.text


def test_somebody_disabled_here_stays_out_with_a_token_too(trusting: House, provider: Provider) -> None:
    trusting.person("an")
    people.set_disabled(trusting.store, "an", True, local(), now())
    assert _ask(trusting, provider.token()).status_code == 401


def test_without_an_issuer_no_token_is_taken(house: House, provider: Provider) -> None:
    assert _ask(house, provider.token()).status_code == 401


def test_claims_may_lie_deep_and_the_name_elsewhere(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(provider.jwks())
    own = Issuer(
        ISSUER, AUDIENCE, str(tmp_path / "keys.json"), "RS256", "email", "realm_access.roles", "https://x.y/offices"
    )
    claims: dict[str, Any] = {"email": "an@customs.example", "realm_access": {"roles": ["auditor"]},
                              "https://x.y/offices": ["A"]}  # fmt: skip
    who = Tokens(own).find(provider.token(**claims))
    assert (who.id, set(who.roles), who.offices) == ("an@customs.example", {"auditor"}, frozenset({"A"}))


class _Server:
    """An issuer on this machine: serves its keys, or sends one elsewhere."""

    def __init__(self, provider: Provider) -> None:
        self.asked: list[str] = []
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", "/keys")
                    self.end_headers()
                    return
                self.send_response(200 if self.path == "/keys" else 404)
                self.end_headers()
                self.wfile.write(provider.jwks() if self.path == "/keys" else b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def online() -> Iterator[tuple[Provider, _Server]]:
    provider = Provider()
    running = _Server(provider)
    yield provider, running
    running.server.shutdown()
    running.server.server_close()


def test_keys_are_fetched_once_and_again_when_the_issuer_has_new_ones(online: tuple[Provider, _Server]) -> None:
    provider, running = online
    clock = [0.0]
    tokens = Tokens(Issuer(running.url, AUDIENCE, running.url + "/keys"), lambda: clock[0])
    for _ in range(3):
        assert tokens.find(provider.token(iss=running.url)).id == "an"
    assert running.asked == ["/keys"]
    provider.keys["k2"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    new = provider.token("k2", iss=running.url)
    with pytest.raises(UnknownError):
        tokens.find(new)
    assert running.asked == ["/keys"], "unknown keys cannot make us ask all the time"
    clock[0] = 61.0
    assert tokens.find(new).id == "an"
    assert running.asked == ["/keys", "/keys"]


def test_a_redirect_away_from_the_issuers_keys_is_not_followed(online: tuple[Provider, _Server]) -> None:
    provider, running = online
    with pytest.raises(UnknownError):
        Tokens(Issuer(running.url, AUDIENCE, running.url + "/moved")).find(provider.token(iss=running.url))
    assert running.asked == ["/moved"]


@pytest.mark.parametrize("keys", ["https://elsewhere.example/keys", "http://id.example/keys", "file:///etc/passwd"])
def test_keys_from_another_place_than_the_issuer_are_refused(keys: str) -> None:
    with pytest.raises(UsageError, match="RISK_OIDC_KEYS"):
        Issuer(ISSUER, AUDIENCE, keys)


def test_an_issuer_without_audience_or_keys_is_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="RISK_OIDC_AUDIENCE"):
        open_house(tmp_path, oidc_issuer=ISSUER)
