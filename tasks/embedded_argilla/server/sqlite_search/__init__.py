"""A search engine for argilla-server on one SQLite file, in place of Elasticsearch.

It runs inside Argilla's own environment, so it imports nothing from this project. `engine` registers it with
argilla-server; all the rest knows nothing of Argilla: documents in, record ids out.

    documents  what is indexed, as plain records        schema     a dataset's tables and columns
    tokens     text in any script to tokens             database   the file, its connections and transactions
    text_query what a user typed to an FTS5 expression  writing    documents into the tables
    filters    filters to SQL                           searching  pages, progress, metrics
    sorting    sort orders to SQL                       vectors    nearest records by cosine
"""
