"""Countries, currencies, and where each gateway is used."""

from alembic import op
from sqlalchemy import text

from domain.directory import as_shipped

revision = "0004"
down_revision = "0003"

UP = """
CREATE TABLE currencies (
    code CHAR(3) NOT NULL,
    name TEXT NOT NULL,
    symbol TEXT NOT NULL,
    exponent SMALLINT NOT NULL,
    is_active BOOLEAN DEFAULT true NOT NULL,
    min_amount BIGINT DEFAULT 1 NOT NULL,
    max_amount BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (code),
    CONSTRAINT currencies_code CHECK (code ~ '^[A-Z]{3}$'),
    CONSTRAINT currencies_exponent CHECK (exponent IN (0, 2, 3)),
    CONSTRAINT currencies_amounts CHECK (min_amount >= 1 AND min_amount <= max_amount AND
            max_amount <= 999999999999)
);

CREATE TABLE countries (
    code CHAR(2) NOT NULL,
    name TEXT NOT NULL,
    default_currency CHAR(3) NOT NULL,
    is_supported BOOLEAN DEFAULT true NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (code),
    CONSTRAINT countries_code CHECK (code ~ '^[A-Z]{2}$'),
    FOREIGN KEY(default_currency) REFERENCES currencies (code)
);

ALTER TABLE gateways
    ADD COLUMN name TEXT DEFAULT '' NOT NULL,
    ADD COLUMN type TEXT DEFAULT 'card' NOT NULL,
    ADD COLUMN data_format TEXT DEFAULT 'json' NOT NULL,
    ADD COLUMN priority INTEGER DEFAULT 100 NOT NULL,
    ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ADD CONSTRAINT gateways_priority CHECK (priority >= 0),
    ADD CONSTRAINT gateways_type CHECK (type IN ('bank', 'card', 'soap', 'wallet')),
    ADD CONSTRAINT gateways_data_format CHECK (data_format IN ('json', 'xml'));

ALTER TABLE gateway_routes
    DROP CONSTRAINT gateway_routes_pk,
    ADD COLUMN id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN operation TEXT DEFAULT '*' NOT NULL,
    ADD COLUMN merchant_id UUID REFERENCES merchants (id),
    ADD COLUMN min_amount BIGINT,
    ADD COLUMN max_amount BIGINT,
    ALTER COLUMN priority DROP NOT NULL,
    ALTER COLUMN priority DROP DEFAULT,
    ADD CONSTRAINT gateway_routes_once UNIQUE NULLS NOT DISTINCT (gateway_id, country, currency,
            method, operation, merchant_id, min_amount, max_amount),
    ADD CONSTRAINT gateway_routes_country CHECK (country = '*' OR country ~ '^[A-Z]{2}$'),
    ADD CONSTRAINT gateway_routes_currency CHECK (currency = '*' OR currency ~ '^[A-Z]{3}$'),
    ADD CONSTRAINT gateway_routes_operation CHECK (operation IN ('*', 'charge', 'payout')),
    ADD CONSTRAINT gateway_routes_amounts_have_a_currency CHECK ((min_amount IS NULL AND
            max_amount IS NULL) OR currency <> '*'),
    ADD CONSTRAINT gateway_routes_amounts CHECK (min_amount >= 1 AND
            max_amount >= coalesce(min_amount, 1)),
    ADD CONSTRAINT gateway_routes_priority CHECK (priority >= 0);

ALTER TABLE gateway_health
    ALTER COLUMN forced DROP NOT NULL,
    ALTER COLUMN forced_until DROP NOT NULL,
    ALTER COLUMN reason DROP NOT NULL,
    ALTER COLUMN changed_by DROP NOT NULL,
    ADD COLUMN state TEXT DEFAULT 'up' NOT NULL,
    ADD COLUMN failed_probes INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN last_probe_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN last_error TEXT,
    ADD CONSTRAINT gateway_health_state CHECK (state IN ('degraded', 'down', 'up')),
    ADD CONSTRAINT gateway_health_failed_probes CHECK (failed_probes >= 0),
    ADD CONSTRAINT gateway_health_hold_is_whole CHECK (num_nonnulls(forced, forced_until, reason,
            changed_by) IN (0, 4))
"""

#: What the older tables cannot hold is deleted first: health that only a probe wrote, and routes with
#: conditions that they do not know.
DOWN = """
DELETE FROM gateway_health WHERE forced IS NULL;

ALTER TABLE gateway_health
    DROP COLUMN state,
    DROP COLUMN failed_probes,
    DROP COLUMN last_probe_at,
    DROP COLUMN last_error,
    DROP CONSTRAINT gateway_health_hold_is_whole,
    ALTER COLUMN forced SET NOT NULL,
    ALTER COLUMN forced_until SET NOT NULL,
    ALTER COLUMN reason SET NOT NULL,
    ALTER COLUMN changed_by SET NOT NULL;

DELETE FROM gateway_routes
 WHERE operation <> '*' OR merchant_id IS NOT NULL OR min_amount IS NOT NULL
    OR max_amount IS NOT NULL;

UPDATE gateway_routes r SET priority = g.priority
  FROM gateways g WHERE g.id = r.gateway_id AND r.priority IS NULL;

ALTER TABLE gateway_routes
    DROP CONSTRAINT gateway_routes_country,
    DROP CONSTRAINT gateway_routes_currency,
    DROP CONSTRAINT gateway_routes_priority,
    DROP COLUMN id,
    DROP COLUMN operation,
    DROP COLUMN merchant_id,
    DROP COLUMN min_amount,
    DROP COLUMN max_amount,
    ALTER COLUMN priority SET DEFAULT 100,
    ALTER COLUMN priority SET NOT NULL,
    ADD CONSTRAINT gateway_routes_pk PRIMARY KEY (gateway_id, country, currency, method);

ALTER TABLE gateways
    DROP COLUMN name,
    DROP COLUMN type,
    DROP COLUMN data_format,
    DROP COLUMN priority,
    DROP COLUMN updated_at;

DROP TABLE countries;

DROP TABLE currencies
"""


def upgrade() -> None:
    """Create the tables and fill them; a code that is added later comes with its own version."""
    for statement in UP.split(";\n"):
        op.execute(statement)
    shipped, database = as_shipped(), op.get_bind()
    database.execute(
        text(
            "INSERT INTO currencies (code, name, symbol, exponent, min_amount, max_amount)"
            " VALUES (:code, :name, :symbol, :exponent, :least, :most)"
        ),
        [
            {
                "code": one.code,
                "name": one.name,
                "symbol": one.symbol,
                "exponent": one.exponent,
                "least": one.min_minor,
                "most": one.max_minor,
            }
            for one in shipped.currencies.values()
        ],
    )
    database.execute(
        text(
            "INSERT INTO countries (code, name, default_currency) VALUES (:code, :name, :currency)"
        ),
        [
            {"code": one.code, "name": one.name, "currency": one.currency}
            for one in shipped.countries.values()
        ],
    )


def downgrade() -> None:
    """Go back to one kind of route."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
