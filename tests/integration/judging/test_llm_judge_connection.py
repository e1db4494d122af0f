"""Waits between tries, certificates and addresses: how an endpoint is reached, or said not to be."""

import datetime
import email.utils
import ipaddress
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from example_judging import judge_all
from scripted_endpoint import (
    ScriptedEndpoint,
    serve,
    status,
)

from tasks.errors import EndpointError, RatchetError, UnreachableError
from tasks.judging.llm_judge import LlmJudge
from tasks.records import Comparison

MakeJudge = Callable[..., LlmJudge]

BROKEN = status(500, "out of memory")


def waits_s(endpoint: ScriptedEndpoint) -> list[float]:
    return [later.at_s - asked.at_s for asked, later in zip(endpoint.asked, endpoint.asked[1:], strict=False)]


def http_date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("header", [{"retry_after": "0.3"}, {"retry_after_ms": "300"}])
def test_retry_after_is_honoured(
    header: dict[str, str], make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(faults=[status(429, **header)])) as endpoint:
        judge_all(make_judge(endpoint), comparisons[:1], note)
    assert 0.3 <= waits_s(endpoint)[0] < 0.6


def test_retry_after_may_be_a_date(make_judge: MakeJudge, comparisons: list[Comparison], note: Path) -> None:
    with serve(ScriptedEndpoint(faults=[status(503, retry_after=http_date(2))])) as endpoint:
        judge_all(make_judge(endpoint), comparisons[:1], note)
    assert 0.9 <= waits_s(endpoint)[0] < 2.5


@pytest.mark.parametrize("value", ["soon", "-5", "nan", ""])
def test_a_retry_after_that_says_nothing_is_no_wait(
    value: str, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(faults=[status(429, retry_after=value)])) as endpoint:
        judge_all(make_judge(endpoint), comparisons[:1], note)
    assert waits_s(endpoint)[0] < 0.2


def test_waits_grow_and_calls_that_failed_together_do_not_come_back_together(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    from dataclasses import replace

    with serve(ScriptedEndpoint(faults=[BROKEN] * 3)) as endpoint:
        judge = replace(make_judge(endpoint, retries=3), first_wait_s=0.1)
        judge_all(judge, comparisons[:1], note)
    for wait_s, longest_s in zip(waits_s(endpoint), (0.1, 0.2, 0.4), strict=False):
        assert longest_s / 2 <= wait_s < longest_s + 0.1
    with serve(ScriptedEndpoint(faults=[BROKEN] * 4)) as together:
        judge = replace(make_judge(together, model="other"), first_wait_s=0.4)
        judge_all(judge, comparisons[:4], note)
    back = [asked.at_s for asked in together.asked[4:8]]
    assert max(back) - min(back) > 0.005


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(
    certificate: Path, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(), certificate) as endpoint:
        started = time.monotonic()
        with pytest.raises(
            EndpointError, match=r"certificate that is not trusted \(self-signed certificate\): correct the"
        ):
            judge_all(make_judge(endpoint, retries=50), comparisons, note)
    assert endpoint.asked == [] and time.monotonic() - started < 5


def test_an_authority_of_ones_own_is_named_in_the_environment(
    certificate: Path,
    make_judge: MakeJudge,
    comparisons: list[Comparison],
    note: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve(ScriptedEndpoint(), certificate) as endpoint:
        assert judge_all(make_judge(endpoint), comparisons, note).counts.judged == 6


def test_plain_http_where_tls_is_wanted_is_one_sentence(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        endpoint.url = endpoint.url.replace("http:", "https:")
        with pytest.raises(EndpointError, match=r"does not speak TLS as it should \(.*\): correct the url\."):
            judge_all(make_judge(endpoint), comparisons, note)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/v1", "http://[::1/v1", "http://exa mple/v1", "http://:80/v1", "http://h:x/v1"]
)
def test_what_is_no_url_is_one_sentence(
    url: str, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with pytest.raises(RatchetError) as caught:
        judge_all(make_judge(ScriptedEndpoint(url=url)), comparisons, note)
    assert len(caught.value.problems) == 1 and "correct" in str(caught.value)


def test_nobody_there_is_said_after_the_tries(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path, unused_port: int
) -> None:
    url = f"http://user:hunter2@127.0.0.1:{unused_port}/v1?key=hunter2"
    with pytest.raises(UnreachableError, match=r"endpoint http://127\.0\.0\.1:\d+/v1 does not answer \(") as caught:
        judge_all(make_judge(ScriptedEndpoint(url=url)), comparisons, note)
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def unused_port(free_port: Sequence[int]) -> int:
    return free_port()  # type: ignore[operator,no-any-return]
