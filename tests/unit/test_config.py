"""A config file is read whole or refused with every problem it has, each a sentence with a remedy."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.config import Config, load_config
from tasks.errors import ConfigError

MINIMAL = "name: demo\nquestions: questions.jsonl\n"
TOP_LEVEL = (
    "benchmark, collect, compute, curate, documents, end_users, evaluate, generation, human_feedback, judge_trust, "
    "judges, licences, mlflow_tracking_uri, model, monitor, name, prices, promote, questions, reference_judge, "
    "retrieval, seed, serve, skills, system_prompt, test_share, train, writer"
)


def write(folder: Path, text: str | bytes, name: str = "ratchet.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def problems_of(path: Path) -> list[str]:
    """The sentences of the error, without the file's path, which must begin each of them."""
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert all(problem.startswith(str(path)) for problem in caught.value.problems)
    return [problem.removeprefix(str(path)) for problem in caught.value.problems]


def test_two_keys_are_enough_and_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, MINIMAL)
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("ratchet.yaml"))
    assert config == Config(name="demo", questions="questions.jsonl", root=tmp_path.resolve())
    assert config.root.is_absolute()


def test_every_section_can_be_set(tmp_path: Path) -> None:
    text = MINIMAL + (
        "documents: [docs/*.md, 'ünïcode/*.txt']\n"
        "train: {lora: {target_modules: [q_proj, v_proj]}, dpo: {beta: 1}}\n"
        "curate: {reference_pairs: false}\n"
    )
    config = load_config(write(tmp_path, text))
    assert config.documents == ("docs/*.md", "ünïcode/*.txt")
    assert config.train.lora.target_modules == ("q_proj", "v_proj")
    assert (config.train.dpo.beta, config.curate.reference_pairs) == (1.0, False)


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()
    assert load_config(write(tmp_path, data)).name == "demo"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nmae: x\n", ": nmae: unknown key (value 'x'); did you mean `name`?"),
        ("colour: red\n", f": colour: unknown key (value 'red'); known here: {TOP_LEVEL}."),
        ("1: 2\n", f": 1: unknown key (value 2); known here: {TOP_LEVEL}."),
        ("train: {dpo: {bta: 1}}\n", ": train.dpo.bta: unknown key (value 1); did you mean `beta`?"),
        (
            "reference_judge: {x: 1}\n",
            ": reference_judge.x: unknown key (value 1); known here: both_bad_below, margin.",
        ),
        (
            "judges: [{name: one}, {name: two, bugdet: {}}]\n",
            ": judges.1.bugdet: unknown key (value {}); did you mean `budget`?",
        ),
        ("judges: [{name: one}, {name: one}]\n", ": judges: the name 'one' is taken; give each judge one of its own."),
        (
            "judges: [{name: reference}]\n",
            ": judges: the name 'reference' is taken; give each judge one of its own.",
        ),
        (
            "prices: {with_adapter: {usd_per_server_hour: 2, usd_per_server_month: 900}}\n",
            ": prices.with_adapter: usd_per_server_hour (2) and usd_per_server_month (900) are both set; "
            "keep one of them.",
        ),
        (
            "prices: {with_adapter: {usd_per_prompt_token: 2}}\n",
            ": prices.with_adapter.usd_per_prompt_token: unknown key (value 2); "
            "did you mean `usd_per_1k_prompt_tokens`?",
        ),
        ("prices: {queries_per_day: 0}\n", ": prices.queries_per_day: 0 is not accepted; it should be greater than 0."),
        (
            "prices: {usd_per_label: -1}\n",
            ": prices.usd_per_label: -1 is not accepted; it should be greater than or equal to 0.",
        ),
        (
            "skills: [{name: one, questions: a}, {name: one, questions: b}]\n",
            ": skills: the name 'one' is taken; give each skill one of its own.",
        ),
        (
            "skills: [{name: with_retrieval, questions: a}]\n",
            ": skills: the name 'with_retrieval' is taken; give each skill one of its own.",
        ),
        (
            "skills: [{name: one}]\n",
            ": skills.0.questions: missing; add it: a JSONL file, as the domain's questions; all are asked.",
        ),
        (
            "skills: [{name: one, questions: a, kind: safety}]\n",
            ": skills.0.kind: 'safety' is not accepted; it should be 'answer', 'instruction' or 'refusal'.",
        ),
        (
            "skills: [{name: one, questions: a, margin: 0}]\n",
            ": skills.0.margin: 0 is not accepted; it should be greater than 0.",
        ),
        ("promote: {margin: 1}\n", ": promote.margin: 1 is not accepted; it should be less than 1."),
        ("promote: {slices: unit}\n", ": promote.slices: 'unit' is not accepted; it should be a list."),
        (
            "promote: {serving: {max_memory: 5}}\n",
            ": promote.serving.max_memory: unknown key (value 5); did you mean `max_memory_bytes`?",
        ),
        (
            "train: {replay: {base_share: 0.4}}\n",
            ": train.replay: base_share (0.4) is above max_share (0.3); lower it.",
        ),
        ("root: /tmp\n", ": root: unknown key (value '/tmp'); remove it."),
        (
            "seed: many\n",
            ": seed: 'many' is not accepted; it should be a valid integer, unable to parse string as an integer.",
        ),
        (
            "seed: 1.5\n",
            ": seed: 1.5 is not accepted; it should be a valid integer, got a number with a fractional part.",
        ),
        ("seed: -1\n", ": seed: -1 is not accepted; it should be greater than or equal to 0."),
        ("seed: 4294967296\n", ": seed: 4294967296 is not accepted; it should be less than 4294967296."),
        ("test_share: 1\n", ": test_share: 1 is not accepted; it should be less than 1."),
        ("test_share: .nan\n", ": test_share: nan is not accepted; it should be a finite number."),
        ("train: {dpo: {beta: .inf}}\n", ": train.dpo.beta: inf is not accepted; it should be a finite number."),
        (
            "collect: {candidates: 1}\n",
            ": collect.candidates: 1 is not accepted; it should be greater than or equal to 2.",
        ),
        (
            "model: {device: gpu}\n",
            ": model.device: 'gpu' is not accepted; it should be 'auto', 'cpu', 'cuda' or 'mps'.",
        ),
        (
            "promote: {approval: manual}\n",
            ": promote.approval: 'manual' is not accepted; it should be 'auto' or 'approve'.",
        ),
        (
            "promote: {canary_pairs: 50}\n",
            ": promote: `canary_pairs` is 50, but with `approval: auto` no challenger waits while users meet it; set "
            "`approval: approve`, or `canary_pairs: null`.",
        ),
        (
            "promote: {approval: approve, canary_pairs: 0}\n",
            ": promote.canary_pairs: 0 is not accepted; it should be greater than or equal to 1.",
        ),
        ("promote: {canary_margin: 0}\n", ": promote.canary_margin: 0 is not accepted; it should be greater than 0."),
        ("model: {base: ''}\n", ": model.base: '' is not accepted; it should have at least 1 character."),
        ("model: {base: 7}\n", ": model.base: 7 is not accepted; it should be a valid string."),
        ("documents: docs/*.md\n", ": documents: 'docs/*.md' is not accepted; it should be a list."),
        ("documents: [a.md, 7]\n", ": documents.1: 7 is not accepted; it should be a valid string."),
        ("train:\n", ": train: None is not accepted; it should hold keys and values, or be left out."),
        ("train: fast\n", ": train: 'fast' is not accepted; it should hold keys and values, or be left out."),
        (
            "curate: {reference_pairs: maybe}\n",
            ": curate.reference_pairs: 'maybe' is not accepted; "
            "it should be a valid boolean, unable to interpret input.",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_remedy(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(write(tmp_path, MINIMAL + text)) == [problem]


@pytest.mark.parametrize("name", ["", "Demo", "my demo", "-x", "_x", "naïve", "x" * 64, "../x", "a/b", "demo\\n"])
def test_a_name_that_cannot_name_a_folder_and_a_model_is_refused(tmp_path: Path, name: str) -> None:
    text = f'name: "{name}"\nquestions: q.jsonl\n'
    value = name.replace("\\n", "\n")
    assert problems_of(write(tmp_path, text)) == [
        f": name: {value!r} is not accepted; lower-case letters, digits, - and _; names the registered model, too."
    ]


def test_a_value_of_two_possible_types_is_named_by_its_key_alone(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "train: {lora: {target_modules: 5}}\n")
    assert problems_of(path) == [
        ": train.lora.target_modules: 5 is not accepted; it should be a valid string.",
        ": train.lora.target_modules: 5 is not accepted; it should be a list.",
    ]


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    text = "nmae: d\nroot: x\ncollect: {candidates: 1, temprature: 3}\nseed: -1\n"
    assert problems_of(write(tmp_path, text)) == [
        ": root: unknown key (value 'x'); remove it.",
        ": name: missing; add it: lower-case letters, digits, - and _; names the registered model, too.",
        ": questions: missing; add it: a JSONL file, one question a line; or a list of such files.",
        ": seed: -1 is not accepted; it should be greater than or equal to 0.",
        ": collect.candidates: 1 is not accepted; it should be greater than or equal to 2.",
        ": collect.temprature: unknown key (value 3); did you mean `temperature`?",
        ": nmae: unknown key (value 'd'); did you mean `name`?",
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", " holds nothing, not keys and values: see `ratchet init --help`."),
        (b"# only a comment\n", " holds nothing, not keys and values: see `ratchet init --help`."),
        (b"- a\n", " holds list, not keys and values: see `ratchet init --help`."),
        (b"text\n", " holds str, not keys and values: see `ratchet init --help`."),
        (
            b"name: a\nquestions: [\n",
            " is not valid YAML at line 3 (expected the node content, but found '<stream end>'): correct that line.",
        ),
        (b"name: a: b\n", " is not valid YAML at line 1 (mapping values are not allowed here): correct that line."),
        (
            b"name: a\n\tseed: 1\n",
            " is not valid YAML at line 2 (found character '\\t' that cannot start any token): correct that line.",
        ),
        (
            b"name: a\nseed: 1\nname: b\n",
            ' is not valid YAML at line 3 (found duplicate key "name" with value "b" (original value: "a")): '
            "correct that line.",
        ),
        (
            b"model:\n  base: a\n  base: b\n",
            ' is not valid YAML at line 3 (found duplicate key "base" with value "b" (original value: "a")): '
            "correct that line.",
        ),
        (b"name: 2026-99-99\n", " is not valid YAML (month must be in 1..12): correct that line."),
        (
            b"name: !!python/object:os.system x\n",
            " is not valid YAML at line 1 (could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object:os.system'): correct that line.",
        ),
        (
            b"name: a\x00\n",
            " is not valid YAML (unacceptable character #x0000: special characters are not allowed): "
            "correct that line.",
        ),
        ("name: café\n".encode("latin-1"), " is not UTF-8 (byte 9): save it as UTF-8."),
        ("name: a\n".encode("utf-16"), " is not UTF-8 (byte 0): save it as UTF-8."),
    ],
)
def test_a_file_that_is_no_config_is_refused_with_its_line(tmp_path: Path, data: bytes, problem: str) -> None:
    assert problems_of(write(tmp_path, data)) == [problem]


def test_a_folder_or_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    missing, below = tmp_path / "ratchet.yaml", write(tmp_path, MINIMAL, "file") / "ratchet.yaml"
    assert problems_of(tmp_path) == [f" is a folder: name the config file in it, for example {missing}."]
    assert problems_of(missing) == [f" does not exist: write one with `ratchet init {tmp_path}`."]
    assert problems_of(below) == [" cannot be read (Not a directory): check its permissions."]


def test_the_hash_covers_what_the_file_says_and_not_where_it_lies(tmp_path: Path) -> None:
    def hash_of(folder: str, text: str) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        return load_config(write(tmp_path / folder, text)).sha256

    assert hash_of("a", MINIMAL) == hash_of("b", "# the same\n" + MINIMAL + "seed: 0\n")
    assert hash_of("a", MINIMAL) != hash_of("a", MINIMAL + "seed: 1\n")


def test_a_config_is_frozen(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, MINIMAL))
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 1  # type: ignore[misc]


def test_a_model_folder_is_looked_for_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    path = tmp_path / "ratchet.yaml"
    path.write_text("name: x\nquestions: q.jsonl\nmodel: {base: models/mine, embeddings: org/hub}\n", encoding="utf-8")
    model = load_config(path).model
    assert (model.base, model.embeddings) == (str(tmp_path / "models" / "mine"), "org/hub")
