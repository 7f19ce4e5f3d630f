"""What can go wrong in a way that the user can mend."""


class LandslipError(Exception):
    """A failure the user can mend; its message states rule, value, object and remedy."""


class InputError(LandslipError):
    """A file, folder or option that does not fit what was asked for."""


class OutputExistsError(LandslipError):
    """An output that would overwrite something made earlier."""


class ModelError(LandslipError):
    """A model folder that cannot be used, or not with this input."""


class MissingDependencyError(LandslipError):
    """An optional dependency that this command needs and that is not installed."""
