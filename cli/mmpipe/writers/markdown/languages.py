"""Languages of code blocks: the words, strings and comments that are coloured. What is not here is shown without colours.

Every pattern takes time linear in the line, since the code is foreign: repetitions are possessive, or begin at one place.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from mmpipe.dataclass import dataclass

_DOUBLE: Final = r'"(?:[^"\\]|\\.)*+"?'
_SINGLE: Final = r"'(?:[^'\\]|\\.)*+'?"
_CHARACTER: Final = r"'(?:[^'\\]|\\[^']{1,8}|\\')'"  # apart from the lifetimes of Rust
_HASH: Final = r"#.*"
_HASH_WORD: Final = r"(?<!\S)#.*"
_SLASHES: Final = r"//.*"
_C_COMMENT: Final = {r"/\*": r".*?\*/"}
_BACKTICKS: Final = {"`": r"(?:[^`\\]|\\.)*+`"}
_DECORATOR: Final = r"@[\w.]++"
_CONSTANTS: Final = frozenset(
    ("true", "false", "null", "nil", "none", "undefined", "nan", "inf", "self", "this")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Grammar of a language, roughly: regular expressions, and its words in one string.

    `blocks` begin anywhere and may go over many lines: the pattern of each beginning, and that of the rest to its end.
    """

    words: str = ""
    comment: str = _HASH
    strings: str = f"{_DOUBLE}|{_SINGLE}"
    blocks: Mapping[str, str] | None = None
    name: str = r"(?!)"  # keys, tags, variables and decorators
    ignores_case: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """Compiled form of a language."""

    token: re.Pattern[str]
    words: frozenset[str]
    closings: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    ignores_case: bool

    def is_word(self, text: str) -> bool:
        """Return True for a keyword."""
        return (text.lower() if self.ignores_case else text) in self.words

    @staticmethod
    def is_constant(text: str) -> bool:
        """Return True for the name of a value, in the spelling of any language."""
        return text.lower() in _CONSTANTS


_C_WORDS: Final = (
    "auto bool break case catch char class const const_cast constexpr continue co_await co_return default delete do double else "
    "enum explicit extern final float for friend goto if inline int long namespace new noexcept nullptr operator override "
    "private protected public return short signed sizeof static static_cast struct switch template throw try typedef typename "
    "union unsigned using virtual void volatile while"
)
_JAVA_WORDS: Final = (
    "abstract as assert async await base boolean break byte case catch char class companion const continue data decimal "
    "default delegate do double else enum event extends final finally float for foreach fun get if implements import in "
    "init instanceof int interface internal is lateinit let long namespace native new object open operator out override "
    "package params private protected public readonly record ref return sealed set short static string struct suspend "
    "switch synchronized throw throws try typeof using val var virtual void volatile when where while with yield"
)
_JS_WORDS: Final = (
    "abstract any as async await boolean break case catch class const continue debugger declare default delete do else enum "
    "export extends finally for from function get if implements import in instanceof interface keyof let namespace never new "
    "number of private protected public readonly return satisfies set static string switch throw try type typeof unknown var "
    "void while with yield"
)
_SQL_WORDS: Final = (
    "add all alter and any as asc auto_increment begin between bigint boolean by cascade case cast char check column commit "
    "constraint create cross current_date current_timestamp database date decimal default delete desc distinct drop else end "
    "except exists explain float foreign from full grant group having if in index inner insert int integer intersect interval "
    "into is join key left like limit not numeric offset on or order outer over partition primary references replace returning "
    "right rollback row_number rows select serial set smallint table text then timestamp to transaction truncate union unique "
    "update using values varchar view when where with"
)
_SHELL_WORDS: Final = (
    "alias break case cd continue declare do done echo elif else esac eval exec exit export fi for function if in local "
    "printf read readonly return select set shift source sudo then trap type unset until while"
)

_C: Final = Language(words=_C_WORDS, comment=_SLASHES, blocks=_C_COMMENT, name=r"^[ \t]*#[ \t]*\w+")
_JAVA: Final = Language(words=_JAVA_WORDS, comment=_SLASHES, blocks=_C_COMMENT, name=_DECORATOR)
_JS: Final = Language(words=_JS_WORDS, comment=_SLASHES, blocks={**_C_COMMENT, **_BACKTICKS}, name=_DECORATOR)
_SHELL: Final = Language(
    words=_SHELL_WORDS,
    comment=_HASH_WORD,
    strings=r"\\.",
    blocks={'"': r'(?:[^"\\]|\\.)*+"', "'": r"[^']*+'"},
    name=r"\$(?:\w++|[@*#?$!-]|\{[^{}]*+\}?)",
)
_MARKUP: Final = Language(
    comment="(?!)", blocks={"<!--": ".*?-->"}, name=r"</?[A-Za-z][\w:.-]*+|/?>|[\w:@.-]++(?==)"
)
_JSON: Final = Language(
    comment=_SLASHES, blocks=_C_COMMENT, strings=_DOUBLE, name=r'"(?:[^"\\]|\\.)*+"(?=\s*+:)'
)
_SETTINGS: Final = Language(
    comment=r"(?<!\S)[#;].*",
    blocks={'"""': r'.*?"""', "'''": r".*?'''"},
    name=r"^[ \t]*+(?:\[[^\]]*+\]++|[\w.\"-]++(?=[ \t]*+[=:]))",
)

_LANGUAGES: Final[Mapping[str, Language]] = {
    "python py python3 pycon ipython gdscript starlark": Language(
        words="and as assert async await break case class continue def del elif else except finally for from global if import in is "
        "lambda match nonlocal not or pass raise return try while with yield",
        blocks={'"""': r'(?:[^"\\]|\\.|"(?!""))*+"""', "'''": r"(?:[^'\\]|\\.|'(?!''))*+'''"},
        name=_DECORATOR,
    ),
    "bash sh shell zsh console shell-session ksh fish": _SHELL,
    "javascript js jsx mjs typescript ts tsx": _JS,
    "c h cpp c++ cc hpp cxx cuda objective-c objc arduino glsl": _C,
    "java kotlin kt csharp cs c# scala groovy dart solidity": _JAVA,
    "go golang": Language(
        words="any bool break byte case chan const continue default defer else error fallthrough float64 for func go goto if import int int64 "
        "interface make map package range return rune select string struct switch type var",
        comment=_SLASHES,
        strings=f"{_DOUBLE}|{_CHARACTER}",
        blocks={**_C_COMMENT, "`": "[^`]*+`"},
    ),
    "rust rs": Language(
        words="as async await bool break const continue crate dyn else enum extern f64 fn for i32 i64 if impl in let loop match mod move mut "
        "pub ref return static str struct trait type u32 u64 u8 union unsafe use usize where while",
        comment=_SLASHES,
        strings=f"{_DOUBLE}|{_CHARACTER}",
        blocks=_C_COMMENT,
        name=r"#!?\[[^\]]*+\]|\b\w++!(?=[(\[{])",
    ),
    "swift": Language(
        words="as async await break case catch class continue default defer do else enum extension fileprivate for func guard if import in "
        "init inout internal is let mutating override private protocol public repeat return static struct switch throw throws try typealias "
        "var where while",
        comment=_SLASHES,
        strings=_DOUBLE,
        blocks={**_C_COMMENT, '"""': r'.*?"""'},
        name=_DECORATOR,
    ),
    "php": Language(
        words="abstract array as break case catch class const continue default do echo else elseif enum extends final finally fn for foreach "
        "function global if implements include instanceof interface match namespace new print private protected public readonly require "
        "require_once return static switch throw trait try use while yield",
        comment=r"(?://|#).*",
        blocks=_C_COMMENT,
        name=r"\$\w++|<\?(?:php)?|\?>",
    ),
    "ruby rb": Language(
        words="alias and attr_accessor attr_reader begin break case class def do else elsif end ensure extend for if in include loop module next not or "
        "private puts raise redo require rescue retry return then unless until when while yield",
        name=r"(?<![\w:]):\w++|@{1,2}\w++",
    ),
    "perl pl": Language(
        words="and chomp cmp die do else elsif eq for foreach if keys last lt my ne next no not or our package print push return say shift split sub "
        "unless until use while",
        comment=_HASH_WORD,
        name=r"[$@%]\w++",
    ),
    "lua": Language(
        words="and break do else elseif end for function goto if in local not or repeat return then until while",
        comment=r"--(?!\[\[).*",
        blocks={r"(?:--)?\[\[": r".*?\]\]"},
    ),
    "r": Language(
        words="break else for function if in library next repeat return while", name=r"<-|\|>|%\w*+%"
    ),
    "julia jl": Language(
        words="abstract baremodule begin break catch const continue do else elseif end export finally for function global if import in let local "
        "macro module mutable quote return struct try using while",
        strings=f"{_DOUBLE}|{_CHARACTER}",
        blocks={'"""': r'.*?"""', "#=": ".*?=#"},
        name=_DECORATOR,
    ),
    "haskell hs": Language(
        words="as case class data deriving do else forall hiding if import in infix infixl infixr instance let module newtype of qualified then type "
        "where",
        comment=r"--.*",
        strings=f"{_DOUBLE}|{_CHARACTER}",
        blocks={r"\{-": r".*?-\}"},
    ),
    "elixir ex exs": Language(
        words="after alias and case catch cond def defmodule defp defstruct do else end fn for if import in not or raise receive require rescue try "
        "unless use when with",
        blocks={'"""': r'.*?"""'},
        name=r"(?<![\w:]):\w++|@\w++",
    ),
    "sql mysql postgresql postgres sqlite plsql tsql": Language(
        words=_SQL_WORDS, comment=r"--.*", blocks=_C_COMMENT, ignores_case=True
    ),
    "powershell ps1 pwsh": Language(
        words="begin break catch continue do else elseif end exit filter finally for foreach function if in param process return switch throw trap try "
        "until while",
        blocks={"<#": ".*?#>"},
        name=r"\$[\w:]++|(?<!\S)-[A-Za-z]\w*+",
        ignores_case=True,
    ),
    "dockerfile docker": Language(
        words="add arg as cmd copy entrypoint env expose from healthcheck label run shell stopsignal user volume workdir",
        comment=_HASH_WORD,
        name=r"\$(?:\w++|\{[^{}]*+\}?)",
        ignores_case=True,
    ),
    "makefile make": Language(
        words="define else endef endif export ifdef ifeq ifndef ifneq include",
        comment=_HASH_WORD,
        name=r"\$\([^()]*+\)?|\$[@<^?*]|^[\w.%/-]++(?=[ \t]*+:)",
    ),
    "html xml svg xhtml vue svelte": _MARKUP,
    "css scss less": Language(
        words="important media import keyframes supports",
        comment=r"(?<!\S)//.*",
        blocks=_C_COMMENT,
        name=r"[\w-]++(?=[ \t]*+:)|[.#&][A-Za-z][\w-]*+|@[\w-]++|--[\w-]++",
    ),
    "json json5 jsonc jsonl ndjson": _JSON,
    "yaml yml": Language(
        comment=_HASH_WORD,
        name=r"^[ \t]*+(?:-[ \t]++)*+[^\s:#'\"&*\[\]{}-][^:#]*+(?=:(?:\s|$))|(?<!\S)[&*]\w++",
    ),
    "toml ini cfg conf properties dotenv env": _SETTINGS,
    "hcl terraform tf nginx": Language(
        comment=_HASH, blocks=_C_COMMENT, name=r"^[ \t]*+\w++|\$\w++|\$\{[^{}]*+\}?"
    ),
}


def find_grammar(name: str) -> Grammar | None:
    """Return the grammar of a language by the name that stands at a fence, or None for an unknown one."""
    wanted = name.lower().removeprefix("language-").removeprefix("lang-")
    for names in _LANGUAGES:
        if wanted in names.split():
            return _compile(names)
    return None


@cache
def _compile(names: str) -> Grammar:
    language = _LANGUAGES[names]
    blocks = language.blocks or {}
    token = re.compile(
        rf"(?P<comment>{language.comment})|(?P<block>{'|'.join(blocks) or '(?!)'})|(?P<name>{language.name})"
        rf"|(?P<string>{language.strings})|(?P<number>\b\d[\w.]*+)|(?P<word>[^\W\d]\w*+)"
    )
    closings = tuple((re.compile(opening), re.compile(closing)) for opening, closing in blocks.items())
    return Grammar(token, frozenset(language.words.split()), closings, language.ignores_case)
