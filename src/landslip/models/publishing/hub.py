"""Sends a model folder to the Hugging Face hub, and fetches one; nothing else is sent.

The hub's address is ``HF_ENDPOINT`` where that is set. A token is taken from ``HF_TOKEN`` alone,
never from a file.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from landslip.core.errors import InputError, MissingDependencyError, excerpt
from landslip.core.files import atomic_directory, refuse_existing
from landslip.models.folder import open_model
from landslip.models.publishing.contents import PAGE, files_to_take, published_files
from landslip.models.publishing.page import model_page

_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OF_THE_HUB = {"huggingface_hub", "httpx", "httpx2", "httpcore", "requests", "urllib3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What was, or would be, sent or fetched.

    Attributes:
        repository: ``owner/name``.
        files: name and bytes of each file.
        page: the model card.
        commit: of the repository; None: nothing was sent.
    """

    repository: str
    files: dict[str, int]
    page: str
    commit: str | None


def push(
    folder: Path,
    repository: str,
    *,
    licence: str | None = None,
    public: bool = False,
    dry_run: bool = False,
) -> Publication:
    """Send a model with a page made of its ``model.json``.

    Args:
        folder: the model; what is not of it, such as logs, is not sent.
        repository: ``owner/name``; made where it does not exist.
        licence: identifier for the page, such as ``apache-2.0``.
        public: make a repository that everyone can read; else only its owner.
        dry_run: check and return what would be sent, without a connection.

    Raises:
        ModelError: the folder is damaged, or holds a pickle.
        InputError: there is no token, or the hub refuses.
        MissingDependencyError: huggingface_hub is not installed.
    """
    _check_repository(repository)
    model = open_model(folder)
    files = published_files(model)
    page = model_page(model.card, repository, licence)
    sizes = {PAGE: len(page.encode()), **{file.name: file.stat().st_size for file in files}}
    commit = None
    if not dry_run:
        hub = _hub(needs_token=True)
        from huggingface_hub import CommitOperationAdd

        with _hub_errors(repository):
            hub.create_repo(repository, private=not public, exist_ok=True)
            operations = [
                CommitOperationAdd(PAGE, page.encode()),
                *(CommitOperationAdd(file.name, file) for file in files),
            ]
            done = hub.create_commit(repository, operations, commit_message="A model of landslip")
        commit = str(done.oid)
    return Publication(repository=repository, files=sizes, page=page, commit=commit)


def pull(
    repository: str, out: Path, *, revision: str | None = None, overwrite: bool = False
) -> Publication:
    """Fetch a model folder, and check it before it becomes ``out``.

    Args:
        repository: ``owner/name``.
        out: folder to write.
        revision: commit, tag or branch; None: the newest. What it is now, a commit, is what is
            fetched and returned.
        overwrite: replace files of an earlier model there.

    Raises:
        ModelError: it is no model of landslip, has files that none has, or a digest is wrong.
        InputError: there is no such repository or revision, or the hub cannot be reached.
        OutputExistsError: ``out`` exists.
        MissingDependencyError: huggingface_hub is not installed.
    """
    _check_repository(repository)
    refuse_existing(out, overwrite=overwrite)
    hub = _hub(needs_token=False)
    with _hub_errors(repository):
        found = hub.model_info(repository, revision=revision)
    commit = str(found.sha)
    if not _COMMIT.fullmatch(commit):
        raise InputError(f"{repository}: the hub names no commit, but {excerpt(commit)}")
    names = files_to_take(repository, [file.rfilename for file in found.siblings or ()])
    with (
        atomic_directory(out, overwrite=overwrite) as stage,
        TemporaryDirectory(dir=stage.parent) as place,
    ):
        for name in names:
            with _hub_errors(repository):
                file = hub.hf_hub_download(repository, name, revision=commit, local_dir=place)
            shutil.move(file, stage / name)
        model = open_model(stage)
        for name in model.card.files:
            model.file(name)
        sizes = {name: (stage / name).stat().st_size for name in names}
        page = (stage / PAGE).read_text(encoding="utf-8") if PAGE in names else ""
    return Publication(repository=repository, files=sizes, page=page, commit=commit)


def _hub(*, needs_token: bool) -> Any:
    if find_spec("huggingface_hub") is None:
        raise MissingDependencyError(
            "huggingface_hub is not installed; install landslip[hub] to send or fetch models"
        )
    token = os.environ.get("HF_TOKEN")
    if needs_token and not token:
        raise InputError("the hub takes models with a token only; set HF_TOKEN")
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    # False: not that of a file in the home folder
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token or False)


def _check_repository(repository: str) -> None:
    if not _REPOSITORY.fullmatch(repository):
        raise InputError(
            f"{excerpt(repository)}: a repository is owner/name, of "
            "letters, digits, `-`, `_` and `.`"
        )


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    """Say an error of the hub, or of the way to it, in a sentence without the token.

    Raises:
        InputError: there was one.
    """
    try:
        yield
    except Exception as error:
        causes = (error, error.__cause__)
        if not any(
            isinstance(one, ConnectionError) or type(one).__module__.split(".")[0] in _OF_THE_HUB
            for one in causes
        ):
            raise
        status = getattr(getattr(error, "response", None), "status_code", None)
        raise _refusal(repository, status, str(error)) from error


def _refusal(repository: str, status: int | None, said: str) -> InputError:
    if status == 401:
        return InputError(
            f"{repository}: the hub does not accept the token, or there is no such repository; "
            "see HF_TOKEN"
        )
    if status == 403:
        return InputError(
            f"{repository}: access denied by the hub; the token of HF_TOKEN may not do this"
        )
    if status == 404:
        return InputError(
            f"{repository}: the hub has no such repository or revision, or it is private; see "
            "HF_TOKEN"
        )
    return InputError(
        f"{repository}: the hub cannot be used ({excerpt(said, 200)}); try again later"
    )
