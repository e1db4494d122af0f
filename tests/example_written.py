"""A small corpus of its own, questions that a plain search answers badly, and what a good writer would write for them.

All replies here are written by hand, for this corpus: they show what a stage does with good writing, not how well a
model writes.
"""

from example_documents import document
from scripted_endpoint import Messages

DOCUMENTS = [
    document(
        "pairing.md",
        "Hold the round button under the lid for ten seconds until the lamp blinks amber. All stored recipes and "
        "known networks are gone after that, and the language has to be chosen again.",
    ),
    document("history.md", "The coffee machine was first built in a factory in Turin, where it is still assembled."),
    document("clock.md", "After a power cut the clock of the coffee machine has to be reset by hand."),
    document("settings.md", "The settings of the coffee machine are shown on a small display. It has three languages."),
    document("filter.md", "A coffee machine wants a new filter every two months. The factory sells them in packs."),
    document("brand.md", "Tove Brand was born in 1790, the third of five sisters."),
    document("rope.md", "Tove Brand sold her ropes as far as Norway. Four ships of Tove Brand carried them."),
    document("portrait.md", "The portrait of Tove Brand shows her with a coil of rope, and hangs in the town hall."),
    document("street.md", "A street is named after Tove Brand. It leads from the harbour to the market."),
    document("miller.md", "The miller of Sella, Jon Aas, was born in 1801."),
    document("mill.md", "The corn mill of Sella was rebuilt beside the stone bridge after the flood of 1834."),
    document("bridge.md", "The stone bridge of Sella held in the flood, and carried the stones of the corn mill."),
    document("flour.md", "After the flood the miller of Sella ground no corn for a year; the mill had to be rebuilt."),
    document("tides.md", "When sun and moon stand in line, they pull together, and water rises higher than usual."),
    document("quay.md", "On 12 March the quay at Pell flooded. The mayor of Pell blamed the harbour office."),
    document("mayor.md", "In March the mayor of Pell opened the new quay, twelve metres longer than the old one."),
    document("flood.md", "Sandbags against flooding are kept on the quay at Pell, and handed out in March."),
    document(
        "oats.md", "Horses with hot, hurting hooves get hay alone, no oats and no fresh grass, and stand in sand."
    ),
    document("feed.md", "The stable buys feed for the ponies on Mondays. My pony likes to walk to the feed store."),
    document("walk.md", "A pony walks about six kilometres an hour, and should walk every day."),
    document("lame.md", "Lame excuses for not walking the pony are collected on the wall of the stable."),
    document(
        "salary.md", "Wages are paid on the last working day. Who leaves gets what is left with the last of them."
    ),
    document("money.md", "The money box of the club is emptied at the end of each month."),
    document("month.md", "At the end of the month the club meets, and money is counted."),
]

QUESTIONS_ABOUT = {
    "Hold the round button": "How do I reset the coffee machine to its factory settings?\nHow are all recipes deleted?",
    "The coffee machine was first built": "Where is the coffee machine built?",
    "After a power cut": "What has to be done after a power cut?",
}

RESET = "How can I reset my coffee machine to factory settings?"
COMPARED = (
    "Was Tove Brand older than the miller who rebuilt the corn mill of Sella beside the stone bridge after the flood?"
)
FLOODED = "Why did the quay at Pell flood on 12 March, when the mayor of Pell had just opened it?"
PONY = "My pony is lame and will not walk. What should I feed it?"
PAID = "When do I get my money at the end of the month?"

REPLIES = {
    COMPARED: "When was Tove Brand born?\nWhen was the miller of Sella born?",
    FLOODED: "What makes the water of the sea rise higher than usual?",
    PONY: "Horses whose hooves are hot and hurt should get hay alone, and neither oats nor fresh grass. They should "
    "stand on soft ground.",
    PAID: "On what day are wages paid?\nPayday of salaries",
}


def write_by_hand(messages: Messages) -> str:
    """The reply to a prompt of this corpus; empty where there is none."""
    said = messages[-1]["content"].removeprefix("> ")
    return REPLIES.get(said) or next((text for start, text in QUESTIONS_ABOUT.items() if said.startswith(start)), "")


# A sentence that answers, within minutes about something else; and documents that speak of the like without answering.
BURIED = "What is the parrot given to eat?"
MINUTES = [
    document(
        "minutes.txt",
        "The harbour board met on Tuesday and went through the accounts. The dredger needs a new pump, which is to be "
        "bought in autumn. Mooring fees stay as they are for another year. Kilian at the beacon feeds his parrot on "
        "sunflower seeds, and asked for a sack of them. The board thanked the pilots for their work in the storms of "
        "March. Two tenders came in for the paint of the south pier, and the cheaper one was taken. A letter of the "
        "fishermen about the ice machine was read and put off to the next meeting. The meeting closed at ten.",
    ),
    document("inn.txt", "The parrot of the inn wakes the guests: it can say the name of each of them."),
    document("song.txt", "The parrot in the old song can count to a hundred and swear in Dutch."),
    document("sign.txt", "A parrot is painted on the sign, which gets a new coat each spring."),
    document("tower.txt", "The keeper of the lighthouse gives tours, and what visitors give goes to repairs."),
]
