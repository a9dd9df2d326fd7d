"""Contract objects as YAML."""


def draw(value: object) -> str:
    """Keys in the contract's order."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100))
