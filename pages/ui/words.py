"""Words of others, as pages show them: run names, complaints, columns; never read as markup."""

import re

import streamlit as st


def plain(words: str) -> str:
    """Return words so that markdown shows them unchanged: no link, picture, formula or colour comes of them."""
    escaped = re.sub(r"([\\`*_\[\]<>$|~{}&])", r"\\\1", " ".join(words.split()))
    escaped = re.sub(r"^([#+=-]+|\d+[.)])(?=\s|$)", lambda begin: f"{begin[0][:-1]}\\{begin[0][-1]}", escaped)
    return re.sub(r":(?=[\w/])", "\\:\u2060", escaped).replace("www.", "www\u2060.")


def complain(words: str) -> None:
    """Say what is wrong."""
    st.error(plain(words), icon=":material/error:")


def note(words: str) -> None:
    """Say something small."""
    st.caption(plain(words))
