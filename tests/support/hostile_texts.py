"""Texts that have broken programs which print what a model says."""

HOSTILE = {
    "ansi": "red \x1b[31mtext\x1b[0m, a title \x1b]0;gone\x07 and a clear screen \x1b[2J\x1b[H",
    "c1": "one byte CSI \x9b31m, OSC \x9d0;x\x9c, DCS \x90q\x9c, next line \x85 end",
    "c0": "bell \x07 backspace \x08\x08 vertical \x0b form \x0c shift \x0e\x0f null \x00 delete \x7f",
    "carriage return": "the truth\ra lie!\r\nover two lines\r",
    "bidi": "left \u202egnp.exe\u202c right \u2066isolate\u2069 mark \u200e\u200f arabic mark \u061c",
    "tags": "seen \U000e0048\U000e0069\U000e007f unseen",
    "markup": "[bold]not bold[/bold] [/x] [link=http://x]y[/link] :smile: \\[escaped]",
    "cjk": "当前服务集群负载较高\uff0c请稍后重试\u3002日本語 한국어",
    "emoji": "👩\u200d👩\u200d👧\u200d👦 🇳🇱 e\u0301 🏳\ufe0f\u200d🌈",
    "long": "word " * 60 + "x" * 400,
    "layout": "\tindented\n\n\n  three line ends, and spaces at the end   ",
    "tag talk": "a <think> tag, a </think> tag, and </mm:think>",
}
EVERYTHING = "\n".join(HOSTILE.values())
