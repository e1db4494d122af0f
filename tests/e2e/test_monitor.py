"""`ratchet monitor` beside a real Prefect server: traces become findings, findings events, messages and questions."""

import json
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from e2e.watching import PrefectServer, wait_until, watch_environment
from example_traces import Served, write_traces

from tasks.config import load_config
from tasks.files import read_rows
from tasks.home import Home
from tasks.notifications import notify
from tasks.records import Candidate, FileRef

SECRET = "xoxb-s3cr3t-t0ken"
KNOWN = [f"What does the function {verb} do to the {what}?" for verb in ("sort", "chain") for what in ("iterators",)]
RETURNS = [
    "How do I return a parcel to the shop?",
    "Where can I send my parcel back?",
    "Can I return a parcel after a month?",
    "Who pays when I return a parcel, write to jane.doe@gmail.com",
    "Is returning a parcel free?",
    "Which shop takes a parcel back?",
]


@dataclass
class Webhook:
    """A server on loopback: /good and /slack take a message, /error answers with 500, /hang does not answer."""

    url: str
    received: list[tuple[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def bodies(self, path: str) -> list[str]:
        return [body for where, body in self.received if where.startswith(path)]


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.received.append((self.path, body))
            if self.path.startswith("/hang"):
                heard.released.wait(60)
            self.send_response(500 if self.path.startswith("/error") else 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    heard = Webhook(f"127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard
    heard.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def at_server(prefect_server: PrefectServer) -> Iterator[None]:
    """This process asks the server."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(updates={PREFECT_API_URL: prefect_server.url}):
        yield


@pytest.fixture
def blocks(at_server: None, webhook: Webhook) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
    from prefect.blocks.system import Secret
    from pydantic import SecretStr

    for name in ("good", "error", "hang"):
        CustomWebhookNotificationBlock(
            name=name,
            url=f"http://{webhook.url}/{name}?token={SECRET}",
            json_data={"text": "{{subject}}\n{{body}}"},
            timeout=60,
        ).save(name, overwrite=True)
    SlackWebhook(url=SecretStr(f"json://{webhook.url}/slack/{SECRET}")).save("on-call", overwrite=True)
    Secret(value="s").save("no-webhook", overwrite=True)


def test_a_block_that_hangs_or_fails_or_is_missing_keeps_no_other_from_its_message(
    blocks: None, webhook: Webhook, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    names = ["hang", "error", "good"]
    slugs = [f"custom-webhook/{name}" for name in names]
    started = time.monotonic()

    told = notify([*slugs, "custom-webhook/none", "secret/no-webhook", "slack-webhook/on-call"], "Sub", "Bödy", 15.0)

    assert time.monotonic() - started < 20.0
    assert told.sent == ("custom-webhook/good", "slack-webhook/on-call")
    assert told.failed == {
        "custom-webhook/hang": "it did not answer within 15 s",
        "custom-webhook/error": "it answered with HTTP status 500",
        "custom-webhook/none": "Prefect has no such block, or cannot read it: create it in its UI under Blocks, or "
        "correct the name",
        "secret/no-webhook": "it is no notification block: name one, such as slack-webhook/on-call",
    }
    assert [json.loads(body) for body in webhook.bodies("/good")] == [{"text": "Sub\nBödy"}]
    assert "Bödy" in json.loads(webhook.bodies("/slack")[0])["message"]
    printed = capsys.readouterr()
    assert "notify: custom-webhook/error was not told: it answered with HTTP status 500" in printed.err
    assert SECRET not in printed.out + printed.err + caplog.text + repr(told)


def test_mail_goes_through_prefects_mail_block(
    at_server: None, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from apprise.plugins.sendgrid import NotifySendGrid
    from prefect.blocks.notifications import SendgridEmail
    from pydantic import SecretStr

    mail = SendgridEmail(api_key=SecretStr(SECRET), sender_email="ratchet@example.org", to_emails=["team@example.org"])
    mail.save("team", overwrite=True)
    monkeypatch.setattr(NotifySendGrid, "notify_url", f"http://{webhook.url}/mail")

    told = notify(["sendgrid-email/team"], "Drift", "Questions about parcels.", 60.0)

    assert told.sent == ("sendgrid-email/team",), told
    [sent] = [json.loads(body) for body in webhook.bodies("/mail")]
    assert sent["personalizations"] == [{"to": [{"email": "team@example.org"}]}]
    assert sent["subject"] == "Drift"
    assert "Questions about parcels." in sent["content"][0]["value"]
    assert SECRET not in capsys.readouterr().err


def test_without_a_prefect_server_nobody_is_told_and_it_is_said(free_port: Callable[[], int]) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(updates={PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        told = notify(["slack-webhook/on-call"], "Sub", "Body", 20.0)

    assert told.sent == ()
    (why,) = told.failed.values()
    assert why.startswith(("sending failed (", "it did not answer"))


@pytest.fixture(scope="module")
def produced(make_ratchet: Callable[..., Any], empty_database: Path) -> Any:
    """A domain whose users begin to ask about parcels, which its model knows nothing of."""
    monitor = {"min_answers": 10, "max_compared": 60, "notify": ["custom-webhook/good", "custom-webhook/error"]}
    ratchet = make_ratchet(monitor=monitor, collect={"proposals": 3}, judges=[])
    config, home = load_config(ratchet.config), Home(ratchet.home)
    home.root.mkdir(parents=True)
    shutil.copyfile(empty_database, home.mlflow_database)
    known = [Served(KNOWN[number % 2], "An iterator.", days_ago=10 + number % 5) for number in range(40)]
    now = [Served(KNOWN[number % 2], "An iterator.", days_ago=1) for number in range(20)]
    parcels = [Served(text, "I do not know.", days_ago=0.5, abstained=True) for text in RETURNS * 3]
    write_traces(config, home, [*known, *now, *parcels], "tiny-serve")
    return ratchet


def run(ratchet: Any, server: PrefectServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env=watch_environment(ratchet.home, server.url) | {"OMP_NUM_THREADS": "1"},
        cwd=ratchet.config.parent,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def events(server: PrefectServer) -> list[dict[str, Any]]:
    wanted = {"event": {"prefix": ["ratchet."]}, "resource": {"id": ["ratchet.domain.tiny"]}}
    found: list[dict[str, Any]] = server.post("/events/filter", filter=wanted)["events"]
    return found


def test_findings_are_raised_once_told_to_people_shown_and_asked_about(
    produced: Any, prefect_server: PrefectServer, blocks: None, webhook: Webhook
) -> None:
    config = str(produced.config)
    before = len(webhook.bodies("/good"))

    first = run(produced, prefect_server, "monitor", config, "--json")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    second = run(produced, prefect_server, "monitor", config)
    assert second.returncode == 0, second.stderr

    # Found, and found again without being raised again.
    assert [finding["kind"] for finding in report["raised"]] == ["drift", "abstention", "topic"]
    assert "parcel" in report["raised"][2]["name"]
    assert report["proposed"] >= 5
    assert second.stdout.count("Still there:") == 3
    assert "New:" not in second.stdout

    # An event each, about the domain.
    expected = {"ratchet.drift.found", "ratchet.abstention.rising", "ratchet.topic.unanswered"}
    wait_until(lambda: len(events(prefect_server)) >= 3, "events", lambda: "")
    assert sorted(event["event"] for event in events(prefect_server)) == sorted(expected)
    assert all("sentence" in event["payload"] for event in events(prefect_server))

    # People are told once, and a webhook that fails stops nothing.
    assert len(webhook.bodies("/good")) == before + 1
    assert "unanswered topic" in webhook.bodies("/good")[-1]
    assert "custom-webhook/error was not told: it answered with HTTP status 500" in first.stderr
    artifacts = prefect_server.post("/artifacts/latest/filter", artifacts={"key": {"any_": ["tiny-monitor"]}})
    assert "# Production of tiny" in artifacts[0]["data"]
    assert all(SECRET not in text for text in (first.stdout, first.stderr, artifacts[0]["data"]))
    assert "jane.doe" not in "".join([first.stdout, artifacts[0]["data"], *webhook.bodies("/good")])

    # It is in the status, and a round is due that asks the proposed questions.
    status = run(produced, prefect_server, "status", "--config", config)
    assert "questions have drifted since" in status.stdout
    curated = run(produced, prefect_server, "curate", config)
    assert curated.returncode == 0, curated.stderr
    assert "collect: 3 questions from production are asked, too" in curated.stderr
    batch = produced.record("collect")
    assert batch["questions"] == 8 + 3
    candidates = read_rows(Home(produced.home).objects, FileRef.model_validate(batch["candidates"]), Candidate)
    production = {each.question_id for each in candidates if each.question_id.startswith("production-")}
    assert len(production) == 3


def test_without_traces_it_is_said_and_nothing_fails(
    make_ratchet: Callable[..., Any], prefect_server: PrefectServer
) -> None:
    ratchet = make_ratchet()

    looked = run(ratchet, prefect_server, "monitor", str(ratchet.config))

    assert looked.returncode == 0, looked.stderr
    assert "There are no answers to look at" in looked.stdout
    assert "Thumbs: 0 now and 0 before are too few for a verdict; 20 are needed in each period." in looked.stdout
    assert "Nothing is raised." in looked.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--days", "0"], 2, "Input should be greater than or equal to 1"),
        (["--days", "many"], 2, "Invalid value for '--days'"),
    ],
)
def test_wrong_use_is_refused(make_ratchet: Callable[..., Any], arguments: list[str], status: int, said: str) -> None:
    ratchet = make_ratchet()

    refused = ratchet.run("monitor", str(ratchet.config), *arguments)

    assert (refused.returncode, said in refused.stderr) == (status, True), refused.stderr


def test_a_block_without_its_type_is_refused(make_ratchet: Callable[..., Any]) -> None:
    ratchet = make_ratchet(monitor={"notify": ["on-call"]})

    refused = ratchet.run("monitor", str(ratchet.config))

    assert refused.returncode == 1
    assert "monitor.notify.0: 'on-call' is not accepted" in refused.stderr
