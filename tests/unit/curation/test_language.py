"""Answers in other languages than the domain's are not taught; short ones and code are not judged."""

import sys
from collections.abc import Iterator
from functools import cache

import polars as pl
import pytest
from example_rows import assert_lawful, demonstration, pair, rated, rows_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation.filters import language
from tasks.curation.filters.language import READS, drop_other_languages
from tasks.curation.filters.screening import Screened
from tasks.domain.stdlib_docstrings import find_entries
from tasks.errors import ConfigError

SENTENCES = {
    "de": [
        "Liest die Datei zeilenweise ein und gibt eine Liste zurück.",
        "Die Funktion erzeugt einen Iterator über alle Elemente.",
        "Öffnet die Verbindung zum Server und wartet auf eine Antwort.",
        "Gibt den Index des ersten Vorkommens zurück, sonst minus eins.",
        "Wandelt eine Zeichenkette in Kleinbuchstaben um.",
        "Prüft, ob der Pfad auf ein Verzeichnis zeigt.",
        "Schließt den Datenstrom, sobald alle Bytes geschrieben sind.",
        "Ein Wörterbuch, das sich die Reihenfolge der Einträge merkt.",
        "Das weiß ich leider nicht genau.",
        "Sortiert die Liste aufsteigend und verändert sie dabei.",
    ],
    "fr": [
        "Renvoie la liste des fichiers du répertoire courant.",
        "Cette fonction ouvre une connexion et attend la réponse du serveur.",
        "Calcule la racine carrée d'un nombre.",
        "Supprime les espaces au début et à la fin de la chaîne.",
        "Vérifie que le chemin désigne un dossier existant.",
        "Un dictionnaire qui se souvient de l'ordre d'insertion.",
        "Je ne sais pas exactement ce que fait cette méthode.",
        "Trie la liste sur place dans l'ordre croissant.",
        "Lance un nouveau processus avec les arguments donnés.",
        "Convertit une chaîne en minuscules.",
    ],
    "es": [
        "Devuelve una lista con los nombres de los archivos del directorio.",
        "Esta función abre una conexión y espera la respuesta del servidor.",
        "Calcula la raíz cuadrada de un número.",
        "Elimina los espacios al principio y al final de la cadena.",
        "Comprueba si la ruta apunta a una carpeta existente.",
        "Un diccionario que recuerda el orden de inserción.",
        "No sé exactamente qué hace este método.",
        "Ordena la lista en su lugar de menor a mayor.",
        "Inicia un nuevo proceso con los argumentos indicados.",
        "Convierte una cadena a minúsculas.",
    ],
    "zh": [
        "返回当前目录中所有文件名组成的列表，按照字母顺序排列。",
        "这个函数打开与服务器的连接，并等待服务器返回响应。",
        "计算一个数的平方根，如果参数为负数则抛出异常。",
        "删除字符串开头和结尾的空白字符，并返回新的字符串。",
        "检查给定的路径是否指向一个已经存在的文件夹。",
        "一个能够记住键值插入顺序的字典类型，支持重新排序。",
        "我不太清楚这个方法具体是做什么用的，请查阅文档。",
        "对列表进行原地升序排序，不返回任何值，排序是稳定的。",
        "使用给定的参数启动一个新的进程，并等待它执行结束。",
        "当所有字节都写入完毕之后关闭数据流并释放资源。",
    ],
    "ru": [
        "Возвращает список файлов в текущем каталоге.",
        "Эта функция открывает соединение и ждёт ответа сервера.",
        "Вычисляет квадратный корень числа.",
        "Удаляет пробелы в начале и в конце строки.",
        "Проверяет, указывает ли путь на каталог.",
    ],
    "ja": [
        "現在のディレクトリにあるファイルの一覧を返します。",
        "この関数はサーバーへの接続を開き、応答を待ちます。",
        "数値の平方根を計算し、負の数なら例外を送出します。",
        "文字列の先頭と末尾の空白を取り除きます。",
    ],
}
SPOKEN = [(spoken, text) for spoken, texts in SENTENCES.items() for text in texts]
SHORT = ["Ja.", "Das weiß ich nicht", "Je ne sais pas", "返回列表", "Не знаю", "42", "👍👍👍"]
CODE = [
    "```python\nfür_jeden = 'Straße und Größe der Wörter in der Datei'\n```",
    "See `Öffnet die Verbindung zum Server und wartet auf eine Antwort` there",
    "https://de.wikipedia.org/wiki/Verbindung_zum_Server_und_Antwort_der_Datei",
]


def kept(texts: list[str], languages: list[str]) -> list[str]:
    return drop_other_languages(rows_frame([demonstration(t) for t in texts]), languages).kept["completion"].to_list()


def test_answers_in_another_language_go_and_the_detail_names_it() -> None:
    rows = rows_frame([demonstration(text, family=spoken) for spoken, text in SPOKEN])
    screened = drop_other_languages(rows, ["en"])
    assert screened.kept["completion"].to_list() == []
    assert set(screened.removed["reason"]) == {"answers_in_other_languages"}
    # Of two short Spanish sentences the likeliest language is a neighbour's.
    wrong = screened.removed.filter(pl.col("detail") != pl.col("family"))
    assert set(wrong["family"]) <= {"es"}
    assert len(wrong) <= 2


@pytest.mark.parametrize("languages", [["de", "ja"], ["en", "fr", "es"], ["zh", "ru"]])
def test_answers_in_the_languages_of_the_domain_stay(languages: list[str]) -> None:
    texts = [text for each in languages for text in SENTENCES.get(each, [])]
    assert kept(texts, languages) == texts


def test_no_summary_of_the_standard_library_is_taken_for_another_language() -> None:
    summaries = [entry.summary for entry in find_entries()]
    assert len(summaries) > 1500
    assert kept(summaries, ["en"]) == summaries


def test_short_texts_and_code_are_not_judged() -> None:
    assert kept([*SHORT, *CODE], ["en"]) == [*SHORT, *CODE]


def test_what_is_said_around_code_is_judged() -> None:
    assert kept(["Öffnet mit `open(path)` die Verbindung zum Server und wartet auf eine Antwort."], ["en"]) == []


def test_without_languages_everything_stays_and_no_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)  # an import would fail
    texts = [text for _, text in SPOKEN]
    screened = drop_other_languages(rows_frame([demonstration(text) for text in texts]), [])
    assert screened.kept["completion"].to_list() == texts
    assert screened.removed.columns == [*screened.kept.columns, "reason", "detail"]


def test_only_answers_that_are_learned_from_are_judged() -> None:
    english, german = "Opens the file and reads all of its lines.", SENTENCES["de"][0]
    rows = rows_frame([pair(english, german), rated(german, False), pair(german, english), rated(german, True)])
    assert drop_other_languages(rows, ["en"]).removed["key"].to_list() == ["002", "003"]


def test_a_language_that_cannot_be_told_apart_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"curate\.languages: qq, xy cannot be told .*; use codes among .* en .*"):
        drop_other_languages(rows_frame([demonstration("yes")]), ["xy", "en", "qq"])


@pytest.fixture(scope="module")
def loaded_once() -> Iterator[None]:
    """The model of `test_the_filter_is_lawful`, which takes a second to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language, "_load_identifier", cache(language._load_identifier))
        yield


@pytest.mark.usefixtures("loaded_once")
@settings(max_examples=20)
@given(st.lists(st.sampled_from([text for _, text in SPOKEN] + SHORT + CODE), min_size=1, max_size=6), st.data())
def test_the_filter_is_lawful(texts: list[str], data: st.DataObject) -> None:
    def apply(rows: pl.DataFrame) -> Screened:
        return drop_other_languages(rows, ("en", "fr"))

    rows = rows_frame([demonstration(text) for text in texts])
    assert_lawful(apply, rows, READS, data.draw(st.permutations(range(len(rows)))))
