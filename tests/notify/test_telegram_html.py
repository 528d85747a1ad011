"""What of a message in Telegram's HTML is seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.notify.telegram_html import count_visible


@pytest.mark.parametrize(
    ("message", "seen"),
    [
        ("", 0),
        ("plain ü🙂", 8),
        ("<b>bold</b>", 4),
        ('<a href="http://x?a>b">link</a>', 4),
        ("<a href = '>'>x</a>", 1),
        ("&lt;&gt;&amp;&quot;", 4),
        ("&lt&#65;&#x41;", 3),
        ("&ltx; &nbsp; &#0; &#x110000;", 28),
        ("a < b", 5),
        ("ends in <", 9),
        ("ends in </", 10),
        ("<b>never ends", 10),
        ("<b never ends", 13),
        ("<b a='never ends>", 17),
        ("<!-- a comment -->x", 19),
        ("</>x", 4),
        ("<script><b></script>", 3),
        ("<title><b>", 3),
        ("<plaintext></plaintext>", 12),
    ],
)
def test_what_is_seen(message, seen):
    """Neither tags nor addresses; known entities are one character; what is damaged counts in full."""
    assert count_visible(message) == seen


@given(st.text() | st.text(alphabet="<>/&;#x1lt=\"' ab!"))
def test_any_message(message):
    """Never more than all of it."""
    assert 0 <= count_visible(message) <= len(message)


@given(st.text(alphabet="ab ü🙂", max_size=50))
def test_tags_are_not_seen(text):
    """Around a text, they change nothing."""
    assert count_visible(f'<b><a href="{text}">{text}</a></b>') == len(text)
