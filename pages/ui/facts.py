"""Facts: what a lab is there to be seen in, each with a network that shows it."""

import streamlit as st

from engine.presets import PRESETS
from pages.ui.table import Fact, opened
from pages.ui.workbench import Workbench

OF_MEMORY = (
    Fact(
        "Any length",
        "A dense layer takes inputs of one size. Cells read any length, and hold as many numbers in the end.",
        "recall-gru",
    ),
    Fact(
        "Order counts",
        "The mean of all words forgets their order, and on these reviews it only guesses: “not” turns words round.",
        "sentiment-mean",
    ),
    Fact(
        "The same weights at every step",
        "See *Unrolled*: U, W and V are the same at every place. A longer text needs no more weights.",
        "sentiment-lstm",
    ),
    Fact(
        "What is long ago",
        "See *Through time*: the gradient comes back through every step, and shrinks at each. A plain RNN cannot learn "
        "what stood 30 places before.",
        "recall-rnn",
    ),
    Fact(
        "Three gates",
        "See *Gates*: an LSTM's forget gate keeps or drops, its input gate lets in, its output gate shows or hides.",
        "recall-lstm",
    ),
    Fact(
        "Two states",
        "Beside its state an LSTM has a memory that is only weighed and added to, so the gradient comes through. Let "
        "*States* show the memory.",
        "adding-lstm",
    ),
    Fact(
        "A GRU has two gates",
        "Reset and update, and one state: three quarters of an LSTM's weights. Press *Duel* to see them side by side.",
        "recall-gru",
    ),
    Fact(
        "Stacked, and both ways",
        "Cells may read what other cells say, and a text from its end too: what comes later tells what a word means.",
        "sentiment-gru",
    ),
    Fact(
        "Step follows step",
        "No step begins before the last one ends. Convolution sees all places at once: compare examples per second.",
        "sentiment-cnn",
    ),
)

OF_CODES = (
    Fact(
        "Linear is PCA",
        "Without bends, it finds the plane that principal component analysis finds. See *Linear is PCA*: the angle "
        "between the two goes to zero.",
        "pca-ae",
    ),
    Fact(
        "Depth bends the plane",
        "Two numbers, nine layers: classes come apart that no flat plane parts, and the error falls below PCA's.",
        "deep-ae",
    ),
    Fact(
        "Too much room copies",
        "A code as wide as the example, or too powerful a network, learns to copy and nothing else. Let codes be "
        "short, sparse, or made of damaged examples.",
        "sparse-ae",
    ),
    Fact(
        "Denoising",
        "What goes in is damaged, what is right is whole. See *Reconstructions*: to repair digits is to know them.",
        "denoising-ae",
    ),
    Fact(
        "Holes",
        "Walk through a plain autoencoder's plane: between its heaps lies nothing it ever learned to decode.",
        "deep-ae",
    ),
    Fact(
        "Chance fills the holes",
        "A variational autoencoder draws its codes, so neighbours must mean something too. See *Samples*: digits that "
        "nobody wrote.",
        "vae",
    ),
    Fact(
        "A collapsed unit",
        "Raise beta while it learns: one unit after the other stops telling anything. See *Code* and lower it again.",
        "conv-vae",
    ),
    Fact(
        "One thing each",
        "With a high beta only what pays is told. *One number, one thing* shows which number tells what.",
        "beta-vae",
    ),
    Fact(
        "Any form",
        "Cells read a wave, four numbers are kept, and other cells say it again.",
        "sequence-ae",
    ),
)

OF_GAMES = (
    Fact(
        "Two learn from one another",
        "See *The game*: where the plane is blue, points pass for real; made ones follow their arrows there, and the "
        "plane changes under them.",
        "gan-eight",
    ),
    Fact(
        "Nobody wins",
        "At the end the discriminator says ½ of everything. See *Balance*: both losses come to their dashed lines, log "
        "4 and log 2, and stay there.",
        "gan-eight",
    ),
    Fact(
        "The first loss stalls",
        "A discriminator that is sure sends back no gradient. With *non-saturating* the same verdict draws strongly.",
        "gan-eight-minimax",
    ),
    Fact(
        "A collapse",
        "A generator that moves too often puts all points where they pass just now, and goes on when that is found "
        "out.",
        "gan-collapse",
    ),
    Fact(
        "A distance instead of a verdict",
        "A critic whose slope is held at 1 tells how far points still have to go, even from far away.",
        "wgan-ring",
    ),
    Fact(
        "Pictures out of noise",
        "See *Samples*: the same noise, drawn again and again while it learns, becomes digits.",
        "dcgan-glyphs",
    ),
    Fact(
        "Asking for one",
        "Both networks are told which digit it is to be. In *Samples* each column asks for another.",
        "conditional-dcgan",
    ),
)


def facts(bench: Workbench) -> None:
    """Draw each fact with the way to a network that shows it."""
    for place, fact in enumerate(bench.lab.facts):
        words, way = st.columns([5, 2], vertical_alignment="center", gap="small")
        words.markdown(f"**{fact.title}.** {fact.words}")
        way.button(
            PRESETS[fact.preset].title,
            key=f"{bench.key}.fact.{place}",
            on_click=lambda name=fact.preset: bench.replace(opened(name)),
            width="stretch",
        )
