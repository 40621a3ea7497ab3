"""What all tests share: properties are tried without a clock, so that a busy machine fails nothing."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
