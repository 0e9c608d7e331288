"""The one exception for everything that a person can cure."""


class VitrineError(Exception):
    """Says what failed, where, and what to do; anything else that is raised is a bug."""

    def __init__(self, what: str, *, where: str = "", cure: str = ""):
        self.what, self.where, self.cure = what, where, cure
        super().__init__(what, where, cure)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what} {self.cure}".rstrip()

    def inside(self, where: str) -> "VitrineError":
        """Return the same complaint, told from one room further out."""
        return VitrineError(self.what, where=f"{where}, {self.where}" if self.where else where, cure=self.cure)
