"""Licences of what a model is made of, as its owner states them."""

from pydantic import Field

from tasks.settings.section import Section


class LicenceSettings(Section):
    """Licences, by their SPDX identifiers or in words."""

    base: str | None = Field(
        default=None, min_length=1, description="the base model's; None: what its own files say, if they do"
    )
    data: str | None = Field(default=None, min_length=1, description="the documents' and questions'; None: not stated")
