"""Of a page the title and the first words are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.text.html_page import describe_page, is_page

pytestmark = pytest.mark.laws

NGINX = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n<!-- a padding to disable friendly error pages -->\r\n"
)
FIREWALL = (
    '<!DOCTYPE html>\n<!--[if lt IE 7]> <html class="ie6" lang="en-US"> <![endif]--><head>\n'
    "<title>Attention&nbsp;Required! &#124; Wall</title><style>a > b { color: red }</style>"
    "<script>if (a<b) { go('x > y') }</script></head><body><h1>Sorry, you have been\n blocked</h1><p>&lt;Ray&gt;"
)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (NGINX, "502 Bad Gateway: nginx"),
        (FIREWALL, "Attention Required! | Wall: Sorry, you have been blocked <Ray>"),
        ("<html><title>Denied</title></html>", "Denied"),
        ("<TITLE LANG=en>Denied</TITLE><P>by <B>rule</B> 7", "Denied: by rule 7"),
        ("<p>first words</p>", "first words"),
        ("<title>De</title><p>Denied", "De: Denied"),
        ("<p>by<script>a</i>b<script>c</script> rule", "by rule"),
        (
            "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No</Message></Error>",
            "AccessDenied No",
        ),
        ("<html><title></title><body></body></html>", ""),
        ("<html", ""),
        ("<html><title>cut &am", "cut &am"),
        ("<html><script>never ended", ""),
    ],
)
def test_the_title_and_the_first_words_are_what_a_reader_sees(page: str, words: str) -> None:
    assert is_page(page)
    assert words == describe_page(page)


@pytest.mark.parametrize("text", ["", "denied", "< 5 tokens", "<|im_start|>", "a <b>", '{"a": "<html>"}'])
def test_a_text_without_an_element_at_its_beginning_is_no_page(text: str) -> None:
    assert not is_page(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "<html>",
                "<title>",
                "</title>",
                "<script>",
                "</script>",
                "&",
                "&lt;",
                "&#",
                "<!--",
                "-->",
                "<",
                ">",
                "a",
            ]
        )
        | st.text(max_size=3)
    )
)
def test_every_page_has_a_short_description(pieces: list[str]) -> None:
    assert len(describe_page("<html>" + "".join(pieces), limit=40)) <= 40
