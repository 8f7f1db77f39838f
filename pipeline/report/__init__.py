"""A finished evaluation as people read it: PDF, CSV, ZIP and pictures. Works from ``evaluation_results`` alone."""

from __future__ import annotations

from pipeline.report.archive import ZipEntry, write_zip
from pipeline.report.causal_picture import causal_svg
from pipeline.report.document import render_pdf
from pipeline.report.table import render_csv, render_not_evaluated, write_csv

__all__ = [
    "ZipEntry",
    "causal_svg",
    "render_csv",
    "render_not_evaluated",
    "render_pdf",
    "write_csv",
    "write_zip",
]
