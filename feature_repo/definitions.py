"""What the command `feast` finds in this folder: everything the catalogue derives, by name."""

from feature_repo.settings import Settings
from feature_repo.store import definitions

globals().update({defined.name: defined for defined in definitions(Settings().features)})
