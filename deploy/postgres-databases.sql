-- Beside Argilla's own: run by PostgreSQL's image when it makes its data folder.
CREATE DATABASE prefect;
CREATE DATABASE mlflow;
