"""Every setting in one place: environment variables and `.env`, with defaults that need nothing set up.

`.env.example` documents them; a test holds it equal to this class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from risk.errors import UsageError


class Settings(BaseSettings):
    """The settings of this process."""

    model_config = SettingsConfigDict(env_prefix="RISK_", env_file=".env", extra="ignore", populate_by_name=True)

    home: Path = Field(Path(), description="Folder that holds the store (risk.db) and the model registry (mlruns/).")
    database_url: str | None = Field(
        None,
        description="Where consignments and outcomes are kept; the file risk.db in the home folder when not set. "
        "For several machines: postgresql+psycopg://user@host/database",
    )
    tracking_uri: str | None = Field(
        None,
        validation_alias="MLFLOW_TRACKING_URI",
        description="MLflow's tracking store; mlruns/mlflow.db in the home folder when not set.",
    )
    capacity: float = Field(
        0.01, description="Inspections that can be made: a share of consignments below 1, else a number.", gt=0
    )
    random_share: float = Field(0.05, description="Share of the capacity that is drawn at random.", ge=0, le=1)
    seed: int = Field(1, description="Seed of the random stream; each day's draw also depends on the consignments.")
    threads: int = Field(2, description="Threads used for folding, fitting and scoring.", ge=1)
    batches_most: int = Field(
        500, description="Batches that wait at a time; more are refused until some are done.", ge=1
    )
    claim_minutes: int = Field(60, description="Minutes after which an officer's claim on a consignment ends.", ge=1)
    second_person_from: float = Field(
        0.1, description="Probability from which a second person confirms that a consignment leaves red.", ge=0, le=1
    )
    time_zone: str = Field("UTC", description="Time zone in which the console shows times, such as Asia/Ho_Chi_Minh.")

    session_idle_minutes: int = Field(30, description="Minutes after which a session of the console ends unused.", ge=1)
    session_hours: int = Field(12, description="Hours after which a session of the console ends at the latest.", ge=1)
    plain_http: bool = Field(
        False,
        description="True lets passwords, keys and tokens in over plain HTTP from other machines as well; else only "
        "over HTTPS, or from this machine.",
    )
    oidc_issuer: str | None = Field(
        None, description="Issuer of bearer tokens (OpenID Connect), exactly as its tokens name it; none when not set."
    )
    oidc_audience: str | None = Field(
        None, description="Audience that a bearer token must name; needed with an issuer."
    )
    oidc_keys: str | None = Field(
        None, description="The issuer's keys (JWKS): a file, or a URL of the issuer itself; needed with an issuer."
    )
    oidc_algorithm: Literal["RS256", "PS256", "ES256", "EdDSA"] = Field(
        "RS256", description="The one algorithm of signatures accepted: RS256, PS256, ES256 or EdDSA."
    )
    oidc_name_claim: str = Field("sub", description="Claim of a bearer token that names the person.")
    oidc_roles_claim: str = Field(
        "roles", description="Claim that lists the roles; a path like realm_access.roles too."
    )
    oidc_offices_claim: str = Field("offices", description="Claim that lists the customs offices; * stands for all.")

    retention_key: str | None = Field(
        None,
        description="Secret with which `risk db retain` makes pseudonyms, to be kept outside the store: the same for "
        "each run lets old filings of one party be told to belong together; without it each run has its own.",
    )

    @property
    def store_url(self) -> str:
        """The URL of the store."""
        return self.database_url or f"sqlite:///{(self.home / 'risk.db').resolve()}"


_in_force: list[Settings] = []


def settings() -> Settings:
    """The settings in force, read from the environment on first use. Raises UsageError for one that is wrong."""
    if not _in_force:
        try:
            _in_force.append(Settings())
        except ValidationError as error:
            wrong = error.errors()[0]
            name = str(wrong["loc"][0])
            variable = name if name.isupper() else f"RISK_{name.upper()}"
            raise UsageError(f"the setting {variable} is {wrong['input']!r}: {wrong['msg'].lower()}") from None
    return _in_force[0]


def use_home(home: Path) -> None:
    """Work in this folder from now on, as `--home` asks; a store and registry set by the environment stay."""
    _in_force[:] = [settings().model_copy(update={"home": home})]
