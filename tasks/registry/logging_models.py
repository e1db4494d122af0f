"""What a version is made of: an MLflow model that answers chat messages, stored whole and found again.

Every version is stored in one form, a LoRA adapter that refers to its base by path or hub id, so that
consumers have one way to load any of them and gigabytes are never copied. The base model itself is stored
with an adapter that changes nothing: its B matrix is zero.
"""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config import Config
from tasks.errors import IntegrityError
from tasks.files import sha256_of_directory
from tasks.home import Home, make_writable
from tasks.records import Adapter, BaseModelRef
from tasks.registry.connection import find_experiment
from tasks.registry.environment import library_version
from tasks.training.adapters import ADAPTER_FILES

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

PEFT_FOLDER = "peft"  # MLflow's name for the adapter's folder inside a stored model
MODEL_KEY_TAG = "ratchet.model_key"
SYSTEM_PROMPT_KEY = "ratchet.system_prompt"
REQUIREMENTS = ("accelerate", "mlflow", "peft", "safetensors", "torch", "transformers")


def check_adapter_folder(adapter: Adapter, folder: Path) -> None:
    """Returns when the folder holds exactly this adapter.

    Raises:
        IntegrityError: when a file is missing, or the weights are not those of the record.
    """
    missing = [name for name in ADAPTER_FILES if not (folder / name).is_file()]
    if missing:
        raise IntegrityError(f"{folder} has no {' and no '.join(missing)}: run the round again.")
    found = sha256_of_directory(folder, ADAPTER_FILES)
    if found != adapter.sha256:
        raise IntegrityError(
            f"{folder} is not the adapter of round {adapter.round} (sha256 {found[:12]}, expected "
            f"{adapter.sha256[:12]}): delete the folder and run the round again."
        )


def store_model(
    client: "MlflowClient",
    config: Config,
    home: Home,
    base: BaseModelRef,
    adapter: Adapter | None,
    adapter_folder: Path | None,
) -> "LoggedModel":
    """The stored MLflow model of this adapter (None: of the base); one that is stored already is reused.

    What an interrupted attempt left unfinished is deleted first.
    """
    experiment = find_experiment(client, config, home)
    key = f"base:{base.sha256}" if adapter is None else f"round:{adapter.round}:{adapter.sha256}"
    for left in client.search_logged_models([experiment], filter_string=f"tags.`{MODEL_KEY_TAG}` = '{key}'"):
        if left.status == "READY":
            return left
        client.delete_logged_model(left.model_id)
    stored = client.create_logged_model(
        experiment,
        name=f"{config.name}-base" if adapter is None else f"{config.name}-round-{adapter.round}",
        source_run_id=None if adapter is None else adapter.mlflow_run_id,
        tags={MODEL_KEY_TAG: key},
        model_type="chat",
    )
    make_writable(home)
    with tempfile.TemporaryDirectory(dir=home.root, prefix=".store.") as temporary:
        folder = Path(temporary) / "model"
        save_chat_model(folder, config, base, adapter_folder, stored)
        client.log_model_artifacts(stored.model_id, str(folder))
    if adapter is not None:
        from mlflow.entities import LoggedModelOutput

        client.log_outputs(adapter.mlflow_run_id, [LoggedModelOutput(stored.model_id, step=0)])
    return client.finalize_logged_model(stored.model_id, "READY")


def save_chat_model(
    folder: Path, config: Config, base: BaseModelRef, adapter_folder: Path | None, stored: "LoggedModel"
) -> None:
    """Writes the MLflow model into a folder that does not exist yet; it answers `{"messages": [...]}`.

    It decodes greedily and to `generation.max_new_tokens`, as it was evaluated, unless a request says otherwise.
    """
    import mlflow.transformers
    from mlflow.models import Model

    from tasks.models.loading import PLAIN_TEMPLATE, load_tokenizer

    tokenizer = load_tokenizer(base)
    portable = not config.system_prompt and tokenizer.chat_template != PLAIN_TEMPLATE
    tokenizer.chat_template = with_system_prompt(tokenizer.chat_template, config.system_prompt)
    mlflow.transformers.save_model(
        {"model": _peft_model(config, base, adapter_folder), "tokenizer": tokenizer},
        str(folder),
        task="llm/v1/chat",
        # Without it MLflow stores the base with its LoRA layers' names and, at load, starts from random weights.
        base_model_path=base.path,
        mlflow_model=Model(
            artifact_path=stored.artifact_location,
            model_uuid=stored.model_id,
            model_id=stored.model_id,
            run_id=stored.source_run_id,
        ),
        model_config={
            "max_new_tokens": config.generation.max_new_tokens,
            "do_sample": False,
            # The chat template wrote them already; some tokenizers would add a second start token.
            "add_special_tokens": False,
        },
        input_example={"messages": [{"role": "user", "content": "What do you know about this domain?"}]},
        # Named here: MLflow would otherwise load the model in a subprocess to find them out.
        pip_requirements=requirements(),
        metadata={
            "ratchet.base": base.id,
            "ratchet.base_sha256": base.sha256,
            SYSTEM_PROMPT_KEY: config.system_prompt,
        },
    )
    if adapter_folder is not None:
        _restore_adapter_bytes(folder / PEFT_FOLDER, adapter_folder)
    # MLflow takes a hub model's tokenizer from the hub, too: a template that was changed here would be lost.
    if (hub := hub_reference(base)) and portable:
        _refer_to_hub(folder, *hub)


def with_system_prompt(chat_template: str, system_prompt: str) -> str:
    """The chat template, with this system prompt for conversations that bring none of their own.

    So a consumer who sends the question alone gets the prompt that the model was trained and evaluated with.
    """
    if not system_prompt:
        return chat_template
    message = json.dumps({"role": "system", "content": system_prompt}, ensure_ascii=False)
    return (
        "{% if not messages or messages[0]['role'] != 'system' %}"
        f"{{% set messages = [{message}] + messages %}}{{% endif %}}{chat_template}"
    )


def requirements() -> list[str]:
    """The pip requirements of a stored model: the versions it was stored with, without local suffixes."""
    return [f"{name}=={str(library_version(name)).split('+')[0]}" for name in REQUIREMENTS]


def hub_reference(base: BaseModelRef) -> tuple[str, str] | None:
    """Hub id and commit of a base that lies in the hub's cache, `models--<org>--<name>/snapshots/<commit>`.

    None for a base that is a folder of its own.
    """
    path = Path(base.path)
    if path.parent.name != "snapshots" or path.parent.parent.name != f"models--{base.id.replace('/', '--')}":
        return None
    return base.id, path.name


def _peft_model(config: Config, base: BaseModelRef, adapter_folder: Path | None) -> Any:
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    from tasks.models.hardware import choose_hardware
    from tasks.models.loading import load_model

    # On the CPU, since storing needs no computing, but in the number format that was evaluated.
    hardware = replace(choose_hardware(config.model), device="cpu")
    model = load_model(base, adapter_folder, hardware)
    if adapter_folder is not None:
        # The adapter names its base by id; PEFT would ask the hub for that id when it saves.
        model.peft_config["default"].base_model_name_or_path = base.path
        return model
    nothing = LoraConfig(r=1, lora_alpha=1, target_modules="all-linear", task_type=TaskType.CAUSAL_LM)
    with torch.random.fork_rng():  # its A matrix is random, and callers rely on their seeds
        return get_peft_model(model, nothing)


def _restore_adapter_bytes(stored: Path, adapter_folder: Path) -> None:
    """Puts the trained files in place of what PEFT wrote again, so that they keep their sha256."""
    shutil.rmtree(stored)
    stored.mkdir()
    for name in ADAPTER_FILES:
        shutil.copyfile(adapter_folder / name, stored / name)


def _refer_to_hub(folder: Path, hub_id: str, commit: str) -> None:
    """Makes the stored model load its base from the hub at this commit, so that it loads on any machine.

    MLflow can refer to the hub by itself, but only to the newest commit and not to the one that was trained on.
    """
    from mlflow.models import Model

    path = folder / "MLmodel"
    model = Model.load(str(path))
    flavor = model.flavors["transformers"]
    del flavor["local_base_model_path"]
    flavor["source_model_name"] = flavor["tokenizer_name"] = hub_id
    flavor["source_model_revision"] = flavor["tokenizer_revision"] = commit
    model.save(str(path))
