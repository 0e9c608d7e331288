"""Several: examples of several fields, each shown as its own form is."""

from engine.looking.form import FORMS, Form


class Several(Form):
    """Fields by name."""

    def shown(self, dataset, values):
        """Return how each field is shown."""
        return {"fields": {name: FORMS[dataset.forms[name]].shown(dataset, value) for name, value in values.items()}}


FORMS.add("fields", Several())
