from __future__ import annotations

import subprocess
import sys

import pycountry

from risk.reference import countries


def test_the_codes_are_those_of_iso_3166_and_kosovo() -> None:
    assert {country.alpha_2 for country in pycountry.countries} | {"XK"} == countries.ALPHA2


def test_every_code_has_a_name_and_nothing_else_has() -> None:
    assert all(countries.name(code) for code in countries.ALPHA2)
    assert countries.name("VN") == "Vietnam"
    assert countries.name("TZ") == "Tanzania"
    assert [countries.name(code) for code in ("", "vn", "ZZ", "VNM")] == [None] * 4


def test_checking_a_country_code_loads_no_heavy_library() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from risk.reference.countries import ALPHA2; assert 'VN' in ALPHA2;"
            "print(' '.join({name.split('.')[0] for name in sys.modules}))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"pandas", "numpy", "networkx", "pycountry", "pyarrow"} & set(loaded)
