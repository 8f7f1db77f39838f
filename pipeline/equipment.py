"""What is switched on and has to be installed on this machine: text recognition, another encoder."""

from __future__ import annotations

from pipeline.encoders import EncoderChoice
from pipeline.extraction.ocr import OcrLimits, PageReader, Tesseract


def page_reader(*, pages: int) -> PageReader:
    """What reads pages that are pictures.

    Args:
        pages: of one document; further ones stay pictures.

    Raises:
        NotEquipped: OCR_UNAVAILABLE.
    """
    return PageReader(Tesseract.find(), limits=OcrLimits(pages=pages))


def tesseract_version() -> str:
    """The version of what reads pages that are pictures.

    Raises:
        NotEquipped: OCR_UNAVAILABLE.
    """
    return Tesseract.find().version


def check_equipment(*, ocr: bool, encoder: str) -> None:
    """Check, before anything is started, that what is switched on is there.

    Raises:
        NotEquipped: OCR_UNAVAILABLE, ENCODER_UNAVAILABLE.
    """
    if ocr:
        Tesseract.find()
    EncoderChoice.of(encoder)
