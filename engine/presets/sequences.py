"""Networks that read sequences: one question to three kinds of cells, sums, brackets, texts, and what comes next."""

from engine.data.dates import LONGEST as LONGEST_DATE
from engine.data.dates import PARTS, SIGNS, Dates
from engine.data.memory import Adding, Brackets, Recall
from engine.data.prose import Prose
from engine.data.reviews import Reviews, vocabulary
from engine.data.sentences import LONGEST as LONGEST_SENTENCE
from engine.data.sentences import Sentences, words
from engine.data.series import Airline
from engine.data.waves import Waves
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.layers.activation import ReLU
from engine.layers.base import Layer
from engine.layers.convolution import Conv1d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Concat
from engine.layers.regularisation import Dropout
from engine.layers.reshaping import Flatten
from engine.layers.sequence import GRU, LSTM, RNN, Embedding, MaxOverTime, MeanOverTime
from engine.presets.preset import preset
from engine.tasks.label import Label
from engine.tasks.regress import Regress
from engine.training.recipe import Recipe

DELAY, LETTERS = 30, 10
WORDS, LONGEST = len(vocabulary()) + 1, Reviews.longest
CHARACTERS, WINDOW = 90, 64
AHEAD = 10

DUEL = {"data": Recall(symbols=LETTERS, delay=DELAY, number=20_000), "recipe": Recipe(rate=0.01, batch=50, epochs=10.0)}
READ = {"data": Reviews(), "recipe": Recipe(rate=0.005, batch=32, epochs=8.0)}


def recalling(**cell: Layer) -> Graph:
    """Return one layer of cells that reads letters and in the end says one."""
    letters = Input(sizes=(1 + DELAY,), values="tokens", sequence=True)
    return chain(letters=letters, embed=Embedding(vocabulary=1 + 2 * LETTERS, features=10), **cell, out=Dense(units=10))


@preset(
    "recall-rnn",
    "First letter, RNN",
    "Which letter came first, 30 letters ago? A plain RNN cannot tell.",
    "rnn",
    **DUEL,
)
def rnn() -> Graph:
    """Return 32 plain cells."""
    return recalling(rnn=RNN(units=32))


@preset(
    "recall-lstm",
    "First letter, LSTM",
    "The same question to an LSTM whose forget gates begin open: it holds on to the first letter.",
    "rnn",
    **DUEL,
)
def lstm() -> Graph:
    """Return 32 LSTM cells that begin by keeping what they know."""
    return recalling(lstm=LSTM(units=32, forget_bias=3.0))


@preset(
    "recall-gru",
    "First letter, GRU",
    "The same question to a GRU: two gates and one state are enough.",
    "rnn",
    **DUEL,
)
def gru() -> Graph:
    """Return 32 GRU cells."""
    return recalling(gru=GRU(units=32))


@preset(
    "adding-lstm",
    "Adding",
    "Two of many numbers are marked: what is their sum? The problem on which the LSTM was first shown (1997).",
    "rnn",
    data=Adding(),
    task=Regress(),
    recipe=Recipe(rate=0.01, batch=50, epochs=20.0, clip=1.0),
)
def adding() -> Graph:
    """Return 32 LSTM cells and one number."""
    return chain(series=Input(sizes=(40, 2), sequence=True), lstm=LSTM(units=32, forget_bias=1.0), out=Dense(units=1))


@preset(
    "brackets",
    "Brackets",
    "Does every bracket close the one that was opened last? To tell, a network must keep count.",
    "rnn",
    data=Brackets(),
    recipe=Recipe(rate=0.01, batch=50, epochs=15.0),
)
def brackets() -> Graph:
    """Return 32 GRU cells that read brackets of two sorts."""
    signs = Input(sizes=(16,), values="tokens", sequence=True)
    return chain(signs=signs, embed=Embedding(vocabulary=5, features=4), gru=GRU(units=32), out=Dense(units=2))


def reading(**layers: Layer | tuple[Layer | str, ...]) -> Graph:
    """Return layers that read the words of a review and say whether it is kind."""
    words = Input(sizes=(LONGEST,), values="tokens", sequence=True)
    return chain(words=words, embed=Embedding(vocabulary=WORDS, features=16), **layers, out=Dense(units=2))


@preset(
    "sentiment-lstm", "Reviews, LSTM", "Is a review kind? A “nobody” far in front turns its words round.", "rnn", **READ
)
def sentiment() -> Graph:
    """Return 32 LSTM cells."""
    return reading(lstm=LSTM(units=32))


@preset("sentiment-gru", "Reviews, GRU ⇄", "Two layers of GRU that read reviews forwards and backwards.", "rnn", **READ)
def both_ways() -> Graph:
    """Return two layers of 16 GRU cells in both directions."""
    return reading(gru=GRU(units=16, layers=2, both_directions=True))


@preset(
    "sentiment-cnn",
    "Reviews, CNN",
    "No memory at all: windows of 3, 4 and 5 words, and of each the strongest place (Kim, 2014).",
    "rnn",
    **READ,
)
def windows() -> Graph:
    """Return filters over windows of words, with the maximum over time of each."""
    layers: dict[str, Layer | tuple[Layer | str, ...]] = {}
    for size in (3, 4, 5):
        layers |= {
            f"conv{size}": (Conv1d(channels=16, kernel=size), "embed"),
            f"relu{size}": ReLU(),
            f"max{size}": MaxOverTime(),
        }
    return reading(**layers, both=(Concat(), "max3", "max4", "max5"), drop=Dropout(share=0.3))


@preset(
    "sentiment-mean",
    "Reviews, no order",
    "The mean of all words, whatever their order: where “not” turns them round, that tells nothing.",
    "rnn",
    data=Reviews(),
    recipe=Recipe(rate=0.005, batch=32, epochs=8.0),
)
def mean() -> Graph:
    """Return the mean of what an embedding gives."""
    return reading(mean=MeanOverTime(), drop=Dropout(share=0.5))


@preset(
    "char-lstm",
    "Python's manual, LSTM",
    "Reads the manual of Python character by character, and learns to write on.",
    "rnn",
    data=Prose(vocabulary=CHARACTERS, window=WINDOW),
    task=Label(),
    recipe=Recipe(rate=0.005, batch=32, epochs=5.0, clip=1.0),
)
def characters() -> Graph:
    """Return 128 LSTM cells that say at every character what comes next."""
    text = Input(sizes=(WINDOW,), values="tokens", sequence=True)
    read = {"embed": Embedding(vocabulary=CHARACTERS + 1, features=32), "lstm": LSTM(units=128, gives="sequence")}
    return chain(text=text, **read, out=Dense(units=CHARACTERS))


@preset(
    "dates",
    "Dates",
    "Which signs of a date are its day, its month, its year? What comes later tells: it is read both ways.",
    "rnn",
    data=Dates(),
    task=Label(),
    recipe=Recipe(rate=0.01, batch=50, epochs=6.0),
)
def dates() -> Graph:
    """Return 32 GRU cells in both directions that say of every sign what it belongs to."""
    signs = Input(sizes=(LONGEST_DATE,), values="tokens", sequence=True)
    read = {"embed": Embedding(vocabulary=len(SIGNS) + 1, features=16)}
    return chain(
        signs=signs, **read, gru=GRU(units=32, gives="sequence", both_directions=True), out=Dense(units=len(PARTS))
    )


@preset(
    "sentences-lstm",
    "Sentences, LSTM",
    "Tells each next word; a verb must agree with its noun, and others may stand between.",
    "rnn",
    data=Sentences(),
    task=Label(),
    recipe=Recipe(rate=0.01, batch=32, epochs=6.0, clip=1.0),
)
def sentences() -> Graph:
    """Return 48 LSTM cells that say at every word which comes next."""
    known = len(words())
    text = Input(sizes=(LONGEST_SENTENCE,), values="tokens", sequence=True)
    read = {"embed": Embedding(vocabulary=known + 1, features=16), "lstm": LSTM(units=48, gives="sequence")}
    return chain(text=text, **read, out=Dense(units=known))


@preset(
    "airline",
    "Airline passengers",
    "Twelve months of passengers: how many come next? It learns from how each differs from the year before.",
    "rnn",
    data=Airline(),
    task=Regress(),
    recipe=Recipe(rate=0.01, batch=8, epochs=20.0),
)
def airline() -> Graph:
    """Return 16 LSTM cells and one number."""
    return chain(series=Input(sizes=(12, 1)), lstm=LSTM(units=16), out=Dense(units=1))


@preset(
    "sines-window",
    "Sines, no memory",
    "The same window all at once, through layers without memory: order is only which weight a number meets.",
    "rnn",
    data=Waves(ahead=AHEAD),
    task=Regress(),
    recipe=Recipe(rate=0.005, batch=32, epochs=40.0),
)
def window() -> Graph:
    """Return 24 dense units over the whole window, and ten numbers."""
    return chain(
        series=Input(sizes=(40, 1)), flat=Flatten(), dense=Dense(units=24), relu=ReLU(), out=Dense(units=AHEAD)
    )


@preset(
    "sines",
    "Sines",
    "Three sines together, seen through a window of 40: which ten numbers come next?",
    "rnn",
    data=Waves(ahead=AHEAD),
    task=Regress(),
    recipe=Recipe(rate=0.005, batch=32, epochs=40.0),
)
def sines() -> Graph:
    """Return 24 GRU cells and ten numbers."""
    return chain(series=Input(sizes=(40, 1)), gru=GRU(units=24), out=Dense(units=AHEAD))
