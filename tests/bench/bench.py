"""Figures of this machine, from one run: `make bench`. Speeds are ratios within the run; single times mean little.

Training      the flow's SFT against a plain TRL script with its defaults, on the same rows, batch size and steps
Orchestration a whole round of a model so small that what is left is Prefect, MLflow, imports and files
Generation    batched against one prompt at a time
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the examples that tests share

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROWS = 160
PROMPTS = 32
MAX_NEW_TOKENS = 32


def main() -> None:
    """Prints the figures, and the same as one JSON object in the last line."""
    import torch

    from tasks.home import Home
    from tasks.models.base_model import resolve_base
    from tasks.models.hardware import choose_hardware, use_threads
    from tasks.settings.models import ModelSettings

    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as name:
        folder = Path(name)
        overhead_s = measure_orchestration(folder / "round")
        home = Home(folder / "home")
        base = resolve_base(ModelSettings(), home)
        hardware = choose_hardware(ModelSettings())
        use_threads(hardware)
        peak = measure_matmul_peak()
        rows = demo_rows(folder / "demo")
        figures: dict[str, Any] = {
            "threads": torch.get_num_threads(),
            "matmul_peak_gflops": peak,
            "orchestration_s": overhead_s,
            "training": measure_training(base, hardware, rows, folder, peak),
            "generation": measure_generation(base, hardware, rows),
        }
    show(figures)


def demo_rows(folder: Path) -> list[Any]:
    """The first ROWS demonstrations of the demo domain."""
    from example_frames import events_frame, questions_frame

    from tasks.config import load_config
    from tasks.curation.demonstrations import propose_demonstrations
    from tasks.curation.naming import name_rows
    from tasks.domain.questions import read_questions
    from tasks.domain.stdlib_docstrings import write_demo
    from tasks.records import Demonstration

    write_demo(folder)
    config = load_config(folder / "ratchet.yaml")
    questions = read_questions(folder / "questions.jsonl", config.test_share)
    proposed = propose_demonstrations(questions_frame(questions), events_frame([]))
    lines = name_rows(proposed.rows, "demonstration", config.system_prompt)["line"]
    return [Demonstration.model_validate_json(line) for line in lines[:ROWS]]


def measure_matmul_peak(size: int = 2048, repeats: int = 8) -> float:
    """Billions of float32 operations per second in square matrix products, the best of some."""
    import torch

    a, b = torch.randn(size, size), torch.randn(size, size)
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best / 1e9


def measure_training(base: Any, hardware: Any, rows: Sequence[Any], folder: Path, peak: float) -> dict[str, Any]:
    """Tokens per second of the flow's SFT and of two plain TRL scripts, and each one's final loss on the rows."""
    from tasks.settings.training import SftSettings, TrainSettings
    from tasks.training.phases import PhaseFolder
    from tasks.training.sft import run_sft

    settings = TrainSettings(sft=SftSettings(epochs=1.0))
    ours = PhaseFolder(folder / "sft")
    result = run_sft(base, None, rows, settings, hardware, 0, ours, lambda step, metrics: None)
    flow_speed = result.train_tokens / result.train_s
    plain_speed, plain_loss = plain_trl(base, rows, settings, folder / "plain", same_precision=False)
    random_speed, random_loss = plain_trl(base, rows, settings, folder / "random", same_precision=True)
    return {
        "rows": len(rows),
        "steps": len(result.losses),
        "flow_tokens_per_s": flow_speed,
        "trl_defaults_tokens_per_s": plain_speed,
        "ratio_to_trl_defaults": flow_speed / plain_speed,
        "trl_float32_random_batches_tokens_per_s": random_speed,
        "ratio_of_like_length_batches_alone": flow_speed / random_speed,
        "final_loss": {
            "flow": mean_loss(base, rows, ours.adapter),
            "trl_defaults": plain_loss,
            "trl_float32_random_batches": random_loss,
        },
        "share_of_matmul_peak": flow_speed * flops_per_token(base, rows) / 1e9 / peak,
    }


def plain_trl(
    base: Any, rows: Sequence[Any], settings: Any, folder: Path, *, same_precision: bool
) -> tuple[float, float]:
    """(tokens per second, final loss) of the script one would write from TRL's documentation."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    dataset = Dataset.from_list(
        [
            {
                "prompt": [message.model_dump() for message in row.prompt],
                "completion": [{"role": "assistant", "content": row.completion}],
            }
            for row in rows
        ]
    )
    precision = {"bf16": False, "gradient_checkpointing": False} if same_precision else {}
    arguments = SFTConfig(
        output_dir=str(folder),
        num_train_epochs=settings.sft.epochs,
        per_device_train_batch_size=settings.sft.batch_size,
        learning_rate=settings.sft.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.sft.warmup_share,
        include_num_input_tokens_seen="non_padding",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        **precision,
    )
    lora = LoraConfig(
        task_type="CAUSAL_LM", r=settings.lora.r, lora_alpha=settings.lora.alpha, target_modules="all-linear"
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base.path, dtype="float32"),
        args=arguments,
        train_dataset=dataset,
        processing_class=AutoTokenizer.from_pretrained(base.path),
        peft_config=lora,
    )
    started = time.monotonic()
    trainer.train()
    speed = trainer.state.num_input_tokens_seen / (time.monotonic() - started)
    trainer.model.save_pretrained(folder / "adapter")
    return speed, mean_loss(base, rows, folder / "adapter")


def mean_loss(base: Any, rows: Sequence[Any], adapter_folder: Path) -> float:
    """The mean negative log-likelihood of a completion token over all rows, with the adapter as trained."""
    import torch

    from tasks.models.hardware import choose_hardware
    from tasks.models.loading import load_model, load_tokenizer
    from tasks.settings.models import ModelSettings

    model = load_model(base, adapter_folder, choose_hardware(ModelSettings()))
    tokenizer = load_tokenizer(base)
    total, count = 0.0, 0
    for row in rows:
        prompt_ids, ids = encode(tokenizer, row)
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0, len(prompt_ids) - 1 : -1]
        targets = torch.tensor(ids[len(prompt_ids) :])
        total += float(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"))
        count += len(targets)
    return total / count


def encode(tokenizer: Any, row: Any) -> tuple[list[int], list[int]]:
    """The row's token ids: those of the prompt, and those of prompt and completion."""
    prompt = [message.model_dump() for message in row.prompt]
    whole = [*prompt, {"role": "assistant", "content": row.completion}]
    prompt_ids = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)["input_ids"]
    return list(prompt_ids), list(tokenizer.apply_chat_template(whole, return_dict=True)["input_ids"])


def flops_per_token(base: Any, rows: Sequence[Any]) -> float:
    """Operations a trained token costs: forward and the backward to the activations, 2 each per weight.

    The base is frozen, so no gradient of its weights is computed; the output layer runs on completion tokens only.
    LoRA's own and attention's operations are left out: they come to a few per cent here.
    """
    from tasks.models.hardware import choose_hardware
    from tasks.models.loading import load_model, load_tokenizer
    from tasks.settings.models import ModelSettings

    tokenizer = load_tokenizer(base)
    lengths = [encode(tokenizer, row) for row in rows]
    completion_share = sum(len(ids) - len(prompt) for prompt, ids in lengths) / sum(len(ids) for _, ids in lengths)
    model = load_model(base, None, choose_hardware(ModelSettings()))
    embedding = model.get_input_embeddings().weight.numel()
    layers = sum(parameter.numel() for parameter in model.parameters()) - embedding
    return 4.0 * (layers + completion_share * embedding)


def measure_generation(base: Any, hardware: Any, rows: Sequence[Any]) -> dict[str, float]:
    """Generated tokens per second, 32 prompts in one batch and one by one."""
    from tasks.models.generation import generate
    from tasks.models.loading import load_model, load_tokenizer
    from tasks.settings.models import GenerationSettings

    model, tokenizer = load_model(base, None, hardware), load_tokenizer(base)
    prompts = [row.prompt for row in rows[:PROMPTS]]
    speeds = {}
    for name, batch_size in (("batched", PROMPTS), ("one_by_one", 1)):
        settings = GenerationSettings(max_new_tokens=MAX_NEW_TOKENS, batch_size=batch_size)
        started = time.monotonic()
        answers = generate(model, tokenizer, prompts, settings)
        speeds[f"{name}_tokens_per_s"] = sum(a.completion_tokens for a in answers) / (time.monotonic() - started)
    return {**speeds, "ratio": speeds["batched_tokens_per_s"] / speeds["one_by_one_tokens_per_s"]}


def measure_orchestration(folder: Path) -> float:
    """Seconds of a whole `ratchet round` whose model has 38,000 weights: all but the models' own work."""
    from tiny_model import write_tiny_model

    from tasks.domain.stdlib_docstrings import write_demo

    write_tiny_model(folder / "tiny")
    write_demo(folder / "demo")
    config = folder / "demo" / "ratchet.yaml"
    tiny = {"model": {"base": str(folder / "tiny")}, "generation": {"max_new_tokens": 4}}
    short = {"train": {"sft": {"epochs": 0.05}, "dpo": {"epochs": 0.05}}}
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "".join(f"{key}: {json.dumps(value)}\n" for key, value in {**tiny, **short}.items()))
    environment = {**os.environ, "RATCHET_HOME": str(folder / "home")}
    started = time.monotonic()
    command = [sys.executable, "-m", "flows.cli", "round", str(config)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=600)
    return time.monotonic() - started


def show(figures: dict[str, Any]) -> None:
    """Prints the figures for people, then as JSON."""
    training, generation = figures["training"], figures["generation"]
    losses = ", ".join(f"{name} {loss:.3f}" for name, loss in training["final_loss"].items())
    print(f"training, {training['rows']} rows in {training['steps']} steps, real tokens/s:")
    print(f"  through the flow                      {training['flow_tokens_per_s']:8.1f}")
    print(
        f"  plain TRL script, its defaults        {training['trl_defaults_tokens_per_s']:8.1f}"
        f"   ratio {training['ratio_to_trl_defaults']:.2f} (wanted: 1.1)"
    )
    print(
        f"  the same, float32, no checkpointing   {training['trl_float32_random_batches_tokens_per_s']:8.1f}"
        f"   ratio {training['ratio_of_like_length_batches_alone']:.2f} (like-length batches alone)"
    )
    print(f"  final loss on the rows: {losses}")
    print(
        f"  share of the matmul peak ({figures['matmul_peak_gflops']:.0f} GFLOP/s on {figures['threads']} threads): "
        f"{training['share_of_matmul_peak']:.0%}"
    )
    print(f"orchestration of a round: {figures['orchestration_s']:.1f} s in all (wanted: at most 45)")
    print(
        f"generation, tokens/s: {generation['batched_tokens_per_s']:.1f} batched, "
        f"{generation['one_by_one_tokens_per_s']:.1f} one by one, ratio {generation['ratio']:.1f}"
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
