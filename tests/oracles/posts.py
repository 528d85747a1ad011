"""Posts of alerts as the kernel reads them, by way of objects."""

import json


def rows(body):
    """Of each alert its sorted labels and annotations, its times as written, and its address; None for none."""
    return [
        (
            sorted(each["labels"].items()),
            sorted(each["annotations"].items()) if "annotations" in each else None,
            each.get("startsAt"),
            each.get("endsAt"),
            each.get("generatorURL"),
        )
        for each in json.loads(body)
    ]


def text_at(body, place):
    """The text whose opening quote is at a place; None for -1."""
    return None if place < 0 else json.JSONDecoder().raw_decode(body[place:].decode())[0]
