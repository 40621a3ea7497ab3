from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from risk.reference import countries, hubs


@pytest.mark.parametrize("role", hubs.COUNTRY_ROLES)
def test_every_country_with_a_role_exists(role: hubs.CountryRole) -> None:
    assert hubs.countries_with_role(role)
    assert hubs.countries_with_role(role) <= countries.ALPHA2


def test_no_role_is_left_over() -> None:
    assert {hub.role for hub in hubs.hubs().values()} == set(hubs.PORT_ROLES)
    known = set().union(*(hubs.countries_with_role(role) for role in hubs.COUNTRY_ROLES))
    assert known == set(hubs.regions())


def test_a_port_of_exit_lies_in_a_source_country() -> None:
    assert {code[:2] for code in hubs.ports_with_role("exit")} <= hubs.countries_with_role("source")


def test_a_country_keeps_one_region_in_all_its_roles() -> None:
    for hub in hubs.hubs().values():
        assert hubs.regions().get(hub.port[:2], hub.region) == hub.region, hub


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", "ZZ", 7])
def test_a_missing_country_has_no_role(missing: object) -> None:
    codes = np.array(["NG", missing, "VN"], dtype=object)
    assert hubs.country_mask(codes, "source").tolist() == [True, False, False]
    assert hubs.country_mask(codes, "transit").tolist() == [False, False, True]
    assert hubs.country_mask(codes, "demand").tolist() == [False, False, True]


def test_port_roles_are_told_for_a_pandas_column() -> None:
    codes = pd.Series(["NGAPP", None, "SGSIN", "VNHPH", "DEHAM"], dtype="str")
    assert hubs.port_mask(codes.array, "exit").tolist() == [True, False, False, False, False]
    assert hubs.port_mask(codes.array, "transit").tolist() == [False, False, True, False, False]
    assert hubs.port_mask(codes.array, "demand").tolist() == [False, False, False, True, False]
