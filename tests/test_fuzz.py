"""The contract of the HTTP endpoint, held against a real engine with thousands of right and wrong requests, orders among them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import filled_store
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from serving import serving

from engine import access, guesses, openapi
from engine.clock import SystemClock
from engine.config import Config

#: Words can be valid one by one and make no sense together, or ask for what there is not.
SENSELESS_IS_FINE = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]}}}
CONTRACT = schemathesis.openapi.from_dict(
    json.loads(json.dumps(openapi.DOCUMENT)), config=SchemathesisConfig.from_dict(SENSELESS_IS_FINE)
)
load_all_checks()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and token of an engine on a throw-away store."""
    folder = filled_store.fill(tmp_path_factory.mktemp("fuzz") / "data", SystemClock().now(), days=15, simulated=True)
    config = Config.load(environment={"LASTVAGT_PORT": "0", "LASTVAGT_SIMULATED": "1"}, data_dir=folder)
    with pytest.MonkeyPatch.context() as patch, serving(config) as (_, state):
        patch.setattr(guesses, "MOST", 1_000_000)  # the check of wrong tokens sends many
        yield state.url, access.read(folder)


def fuzz(url: str, token: str, cases: int, chance: int) -> tuple[Counter[int], list[str]]:
    """Statuses of at least so many answers over all operations, and what broke the contract."""
    answered: Counter[int] = Counter()
    broken: list[str] = []
    operations = [found.ok() for found in CONTRACT.get_all_operations()]
    # Operations without a word to vary have but a few cases.
    rich = sum(bool(of.body or of.query or of.path_parameters) for of in operations)
    each = -(-cases // rich)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for operation in operations:
            modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

            @seed(chance)
            @settings(max_examples=each, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
            @given(case=st.one_of(modes))
            def ask(case: Any) -> None:
                response = case.call(base_url=url, session=session)
                if response.status_code >= 500:
                    print(case.as_curl_command()[:400], response.text)
                answered[response.status_code] += 1
                try:
                    case.validate_response(response)
                except (Failure, FailureGroup) as failure:
                    broken.append(f"{case.as_curl_command()}: {failure}")

            ask()
    return answered, broken


def test_answers_keep_the_contract(engine: tuple[str, str]) -> None:
    answered, broken = fuzz(*engine, cases=200, chance=1)
    assert sum(answered.values()) >= 150
    assert not broken, broken[:3]


@pytest.mark.long
@CONTRACT.parametrize()
@settings(max_examples=10, database=None, suppress_health_check=list(HealthCheck))
def test_bounds_and_omissions_keep_the_contract(case: Any, engine: tuple[str, str]) -> None:
    """Every bound of every word, every word left out, given twice or of another kind: what schemathesis calls coverage."""
    case.call_and_validate(base_url=engine[0], headers={"Authorization": f"Bearer {engine[1]}"})


@pytest.mark.long
@pytest.mark.gate(
    "A7", "Malformed requests", target="20,000 cases over every operation, orders too: 0 answers 5xx, 0 against the contract"
)
def test_answers_keep_the_contract_at_length(engine: tuple[str, str], gate: Callable[[str], None]) -> None:
    answered, broken = fuzz(*engine, cases=20_000, chance=7)
    failed = sum(count for status, count in answered.items() if status >= 500)
    told = ", ".join(f"{status}: {count:,}" for status, count in sorted(answered.items()))
    gate(f"{sum(answered.values()):,} cases ({told}): {failed} answers 5xx, {len(broken)} against the contract")
    assert sum(answered.values()) >= 20_000
    assert not failed
    assert not broken, broken[:3]
