"""Changes: whether anything in the store is new, asked many times a second."""

from engine.runs.store import Store


class Changes:
    """Says whether somebody else may have written into the store; SQLite tells that at almost no cost."""

    def __init__(self, store: Store):
        lite = store.engine.dialect.name == "sqlite"
        self.connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") if lite else None
        self.version = -1

    def any(self) -> bool:
        """Return whether there may be something new since the last time."""
        if not self.connection:
            return True
        before, self.version = self.version, self.connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        return before != self.version
