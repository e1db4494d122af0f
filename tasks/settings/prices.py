"""The price sheet: what answering, training, labels and an index cost, in US dollars; every name carries its unit."""

from typing import Annotated

from pydantic import Field, model_validator

from tasks.settings.section import Fraction, Positive, Section

# Above these a figure is a slip, and sums of them would leave what JSON can hold.
Usd = Annotated[float, Field(ge=0.0, le=1e9)]
QueriesPerDay = Annotated[float, Field(gt=0.0, le=1e9)]
Ratio = Annotated[float, Field(gt=0.0, le=1e6)]


class ServingPrices(Section):
    """What answering costs. Token prices (an API) and servers (one's own) add up; leave at 0 what is not paid."""

    usd_per_1k_prompt_tokens: Usd = Field(default=0.0, description="US dollars for 1,000 prompt tokens")
    usd_per_1k_completion_tokens: Usd = Field(default=0.0, description="US dollars for 1,000 completion tokens")
    usd_per_server_hour: Usd | None = Field(default=None, description="US dollars for one server and hour; None: 0")
    usd_per_server_month: Usd | None = Field(default=None, description="the same for a month of 730 hours; not both")
    min_servers: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=1, description="servers that run without a query, too; 0: none, as with serverless hosting"
    )
    max_utilisation: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.7, description="share of a server's time that may be in use before another is added"
    )
    server_speed_ratio: Ratio = Field(
        default=1.0, description="how many times as fast the server is as the machine that measured"
    )


class PriceSettings(Section):
    """What each arm is worth is worked out from these prices and from measured tokens, seconds and answers."""

    queries_per_day: QueriesPerDay = Field(default=1000.0, description="mean over the year")
    months: Annotated[int, Field(ge=1, le=120)] = Field(default=12, description="how far ahead costs are added up")
    min_correct_share: Fraction = Field(default=0.0, description="arms with fewer correct answers are not recommended")
    without_adapter: ServingPrices = Field(default=ServingPrices(), description="of the arms base and rag")
    with_adapter: ServingPrices = Field(default=ServingPrices(), description="of the arms ft and rag_ft")
    retraining_interval_months: Positive | None = Field(default=3, description="None: trained once and never again")
    usd_per_training_hour: Usd = Field(default=0.0, description="US dollars for an hour of the training machine")
    usd_per_1k_training_tokens: Usd = Field(default=0.0, description="US dollars for 1,000 tokens trained on")
    training_speed_ratio: Ratio = Field(
        default=1.0, description="how many times as fast the training machine is as the one that measured"
    )
    usd_per_label: Usd = Field(default=0.0, description="US dollars for one label by a person")
    labels_before_training: Annotated[int, Field(ge=0, le=10**9)] = Field(
        default=0, description="labels paid for the first training"
    )
    labels_per_retraining: Annotated[int, Field(ge=0, le=10**9)] = Field(
        default=0, description="labels paid for each later training"
    )
    index_build_usd: Usd = Field(default=0.0, description="US dollars, once, for building the retrieval index")
    index_usd_per_month: Usd = Field(default=0.0, description="US dollars a month for hosting the retrieval index")
    storage_usd_per_gb_month: Usd = Field(default=0.0, description="US dollars for 10^9 bytes of adapter or index")
    electricity_usd_per_kwh: Usd = Field(default=0.0, description="US dollars; 0 where hosting includes it")

    @model_validator(mode="after")
    def _servers_have_one_price(self) -> "PriceSettings":
        for name, serving in (("without_adapter", self.without_adapter), ("with_adapter", self.with_adapter)):
            if serving.usd_per_server_hour is not None and serving.usd_per_server_month is not None:
                raise ValueError(
                    f"prices.{name}: usd_per_server_hour ({serving.usd_per_server_hour:g}) and usd_per_server_month "
                    f"({serving.usd_per_server_month:g}) are both set; keep one of them"
                )
        return self
