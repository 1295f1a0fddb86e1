"""How this ISP bills, in GraphQL."""

from dataclasses import asdict
from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import settings as verbs
from sebilling.billing.settings import TaxRounding
from sebilling.schema.engine.access import ADMIN, READERS, mutation, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, given, row
from sebilling.schema.engine.scalars import Rate, Rupiah


@strawberry.type(description="How this ISP bills. Invoices keep what they were made with.")
class BillingSettings:
    prorate_first_month: bool = strawberry.field(description="Whether the month of the installation is billed by its days.")
    tax_rate: Rate = strawberry.field(description='PPN in percent, such as "12"; "0": no tax.')
    tax_numerator: int = strawberry.field(description="The tax is taken on this …")
    tax_denominator: int = strawberry.field(description="… of that many parts of the price, such as 11 of 12.")
    tax_rounding: TaxRounding = strawberry.field(description="How tax is rounded to whole rupiah.")
    late_fee: Rupiah = strawberry.field(description="Once per overdue invoice, with the next invoice; 0: none.")
    late_fee_after_days: int = strawberry.field(description="Days after the due day before it is charged.")
    company_name: str = strawberry.field(description="On receipts and invoices.")
    company_address: str = strawberry.field(description="Likewise.")
    company_phone: str = strawberry.field(description="Likewise.")
    receipt_footer: str = strawberry.field(description="The closing line of receipts.")
    mass_block_percent: int = strawberry.field(description="A sweep that would cut more of the active customers than this stops and asks.")


@query(READERS, "How this ISP bills.")
async def billing_settings(info: Info) -> BillingSettings:
    async with info.context.parts.database.reading() as session:
        return row(**asdict(await verbs.read(session)))


@strawberry.input(description="Changes of the settings; what is left out stays.")
class UpdateBillingSettingsInput:
    prorate_first_month: bool | None = strawberry.field(default=strawberry.UNSET, description="Bill the first month by its days.")
    tax_rate: Rate | None = strawberry.field(default=strawberry.UNSET, description='Percent, "0" to "100".')
    tax_numerator: int | None = strawberry.field(default=strawberry.UNSET, description="1 to taxDenominator.")
    tax_denominator: int | None = strawberry.field(default=strawberry.UNSET, description="1 to 1000.")
    tax_rounding: TaxRounding | None = strawberry.field(default=strawberry.UNSET, description="HALF_UP or DOWN.")
    late_fee: Rupiah | None = strawberry.field(default=strawberry.UNSET, description="0 to Rp1.000.000.000.")
    late_fee_after_days: int | None = strawberry.field(default=strawberry.UNSET, description="0 to 365.")
    company_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 100 characters.")
    company_address: str | None = strawberry.field(default=strawberry.UNSET, description="At most 300 characters.")
    company_phone: str | None = strawberry.field(default=strawberry.UNSET, description="At most 50 characters.")
    receipt_footer: str | None = strawberry.field(default=strawberry.UNSET, description="At most 300 characters.")
    mass_block_percent: int | None = strawberry.field(default=strawberry.UNSET, description="1 to 100.")


@strawberry.type(description="What came of updateBillingSettings.")
class UpdateBillingSettingsPayload(Payload):
    settings: BillingSettings | None = strawberry.field(description="As they are now.")


@mutation(ADMIN, "Change how invoices to come are made.")
async def update_billing_settings(info: Info, input: Annotated[UpdateBillingSettingsInput, INPUT]) -> UpdateBillingSettingsPayload:
    changes: dict[str, Any] = given(**vars(input))
    if "tax_rounding" in changes:
        changes["tax_rounding"] = changes["tax_rounding"].value
    async with info.context.transaction() as session:
        changed = await verbs.change(session, **changes)
    return row(settings=asdict(changed))


QUERIES: Final = [billing_settings]
MUTATIONS: Final = [update_billing_settings]
