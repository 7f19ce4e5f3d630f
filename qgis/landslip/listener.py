"""Shows in Processing's dialog what a command says."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback

from .process import Listener


class FeedbackListener(Listener):
    """Passes progress and lines on to a feedback."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        """Show them there."""
        self._feedback, self._stage = feedback, ""

    def is_cancelled(self) -> bool:
        """Return whether Cancel was pressed."""
        return bool(self._feedback.isCanceled())

    def progress(self, stage: str, share: float) -> None:
        """Move the bar; each stage has all of it."""
        if stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(stage)
        self._feedback.setProgress(100 * share)

    def line(self, text: str) -> None:
        """Show a line in the log."""
        if text:
            self._feedback.pushConsoleInfo(text)

    def warning(self, text: str) -> None:
        """Show a warning in the log."""
        self._feedback.pushWarning(text)
