"""Billing settings and pictures of the ISP in GraphQL."""

from dataclasses import asdict
from typing import Annotated, Any, Final

import strawberry
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload

from sebilling.billing import pictures, versions
from sebilling.billing import settings as verbs
from sebilling.billing.pictures import MAX_PICTURE_BYTES, PictureKind
from sebilling.billing.settings import CashLimitAction, DriftAction, TaxRounding
from sebilling.db.engine import ReadSession
from sebilling.errors import InvalidPicture, InvalidProof
from sebilling.language import Sentence
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine import selections
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import ADMIN, EVERYONE, READERS
from sebilling.schema.values.payloads import EXPECTED_VERSION, INPUT, VERSION, Payload, expected, given, row
from sebilling.schema.values.scalars import Instant, Rate, Rupiah
from sebilling.storage.proofs import Proof, inspect

_PICTURES: Final = {"logo", "qris"}
described(PictureKind, "Picture of the ISP.", LOGO="Logo, at the head of papers and pages.", QRIS="QRIS code by which customers pay.")


@output("Picture of the ISP, which papers and customers' pages show.")
class IspPicture:
    path: str = read("URL path on this server at which everybody may see it; another picture has another path.", READERS)
    media_type: str = read("Media type: image/png or image/jpeg.", READERS)
    size_bytes: int = read("Size in bytes.", READERS)
    uploaded_at: Instant = read("Time of the upload.", READERS)


@output("Billing settings of the ISP. Issued invoices keep the settings with which they were made.")
class BillingSettings:
    version: int = read(VERSION, READERS)
    prorate_first_month: bool = read("Whether the first month is prorated by days from the installation.", READERS)
    tax_rate: Rate = read('PPN in percent, such as "12"; "0" for no tax.', READERS)
    tax_numerator: int = read("Numerator of the taxed fraction of the price, such as 11 in 11/12.", READERS)
    tax_denominator: int = read("Denominator of the taxed fraction of the price, such as 12 in 11/12.", READERS)
    tax_rounding: TaxRounding = read("Rounding of tax to whole rupiah.", READERS)
    late_fee: Rupiah = read("Late fee, charged once per overdue invoice on the next invoice; 0 for none.", READERS)
    late_fee_after_days: int = read("Days after the due date before the late fee is charged.", READERS)
    company_name: str = read("Company name on receipts and invoices.", READERS)
    company_address: str = read("Company address on receipts and invoices.", READERS)
    company_phone: str = read("Company phone number on receipts and invoices.", READERS)
    receipt_footer: str = read("Closing line of receipts.", READERS)
    mass_block_percent: int = read(
        "Percentage of active customers; a run that would block more of them is held until someone decides.", READERS
    )
    pause_after_blocked_days: int = read(
        "Days for which a customer is blocked before they are paused automatically and get no more invoices; 0 for never.", READERS
    )
    cash_limit: Rupiah = read("Most cash that a collector may hold, over all their drawers; 0 for no limit.", READERS)
    cash_limit_action: CashLimitAction = read("What happens to new cash beyond the limit.", READERS)
    look_every_minutes: int = read("Minutes between two looks at each device for what isn't as SeBilling left it.", READERS)
    drift_action: DriftAction = read("What happens to a customer who isn't as SeBilling left them on the device.", READERS)
    payment_instructions: str = read("How to pay without a counter, such as bank accounts; shown on customers' pages.", READERS)
    customer_promise_days: int = read("Days ahead that customers may promise to pay by themselves; 0 for not at all.", READERS)
    logo: IspPicture | None = read("Logo on papers and customers' pages; null if there is none.", READERS)
    qris: IspPicture | None = read("QRIS picture on invoices and customers' pages; null if there is none.", READERS)


@query(READERS, "Get the billing settings of the ISP.")
async def billing_settings(info: Info) -> BillingSettings:
    async with info.context.parts.database.reading() as session:
        return row(**await _settings(info, session))


async def _settings(info: Info, session: ReadSession) -> dict[str, Any]:
    settings = asdict(await verbs.read_versioned(session))
    selected = {name for _, name, _ in selections.fields_below(info, lambda *_: EVERYONE, EVERYONE)}
    if not _PICTURES & selected:  # a statement of their own, which few screens need
        return settings | dict.fromkeys(_PICTURES)
    shown = {kind: {**asdict(facts), "path": facts.path} for kind, facts in (await pictures.read_facts(session)).items()}
    return settings | {name: shown.get(PictureKind(name.upper())) for name in _PICTURES}


@input_type("Changes to the billing settings; fields that are left out keep their value.")
class UpdateBillingSettingsInput:
    prorate_first_month: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether to prorate the first month by days from the installation."
    )
    tax_rate: Rate | None = strawberry.field(default=strawberry.UNSET, description='PPN in percent, "0" to "100".')
    tax_numerator: int | None = strawberry.field(
        default=strawberry.UNSET, description="Numerator of the taxed fraction of the price, 1 to taxDenominator."
    )
    tax_denominator: int | None = strawberry.field(
        default=strawberry.UNSET, description="Denominator of the taxed fraction of the price, 1 to 1000."
    )
    tax_rounding: TaxRounding | None = strawberry.field(
        default=strawberry.UNSET, description="Rounding of tax to whole rupiah, HALF_UP or DOWN."
    )
    late_fee: Rupiah | None = strawberry.field(default=strawberry.UNSET, description="Late fee, 0 to Rp1.000.000.000.")
    late_fee_after_days: int | None = strawberry.field(
        default=strawberry.UNSET, description="Days after the due date before the late fee is charged, 0 to 365."
    )
    company_name: str | None = strawberry.field(default=strawberry.UNSET, description="Company name, at most 100 characters.")
    company_address: str | None = strawberry.field(default=strawberry.UNSET, description="Company address, at most 300 characters.")
    company_phone: str | None = strawberry.field(default=strawberry.UNSET, description="Company phone number, at most 50 characters.")
    receipt_footer: str | None = strawberry.field(default=strawberry.UNSET, description="Closing line of receipts, at most 300 characters.")
    mass_block_percent: int | None = strawberry.field(
        default=strawberry.UNSET, description="Percentage of active customers above which a run is held, 1 to 100."
    )
    pause_after_blocked_days: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Days for which a customer is blocked before they are paused automatically, up to 365; 0: never.",
    )
    cash_limit: Rupiah | None = strawberry.field(
        default=strawberry.UNSET,
        description="Most cash that a collector may hold, over all their drawers; 0: no limit. Deposits count once they are verified.",
    )
    cash_limit_action: CashLimitAction | None = strawberry.field(
        default=strawberry.UNSET, description="What happens to new cash beyond the limit."
    )
    look_every_minutes: int | None = strawberry.field(
        default=strawberry.UNSET, description="Minutes between two looks at each device, 5 to 60."
    )
    drift_action: DriftAction | None = strawberry.field(
        default=strawberry.UNSET, description="What happens to a customer who isn't as SeBilling left them on the device."
    )
    payment_instructions: str | None = strawberry.field(
        default=strawberry.UNSET, description="How to pay without a counter, such as bank accounts; several lines, at most 1000 characters."
    )
    customer_promise_days: int | None = strawberry.field(
        default=strawberry.UNSET, description="Days ahead that customers may promise to pay by themselves, 0 to 14; 0: not at all."
    )
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)


@payload("Result of updateBillingSettings.")
class UpdateBillingSettingsPayload(Payload):
    settings: BillingSettings | None = strawberry.field(description="Settings after the change.")


@mutation(ADMIN, "Change the settings for future invoices.")
async def update_billing_settings(info: Info, input: Annotated[UpdateBillingSettingsInput, INPUT]) -> UpdateBillingSettingsPayload:
    changes: dict[str, Any] = given(**vars(input))
    changes.pop("expected_version", None)
    for name in {"tax_rounding", "cash_limit_action", "drift_action"} & changes.keys():
        changes[name] = changes[name].value
    async with info.context.transaction() as session:
        await versions.expect(session, Noun.SETTINGS, 1, expected(input.expected_version))
        await verbs.change(session, **changes)
        changed = await _settings(info, session)
    return row(settings=changed)


@input_type("Input of setIspPicture.")
class SetIspPictureInput:
    kind: PictureKind = strawberry.field(description="Which picture.")
    picture: Upload = strawberry.field(description="PNG or JPEG of at most 1 MiB, sent by a GraphQL multipart request.")


@input_type("Input of removeIspPicture.")
class RemoveIspPictureInput:
    kind: PictureKind = strawberry.field(description="Which picture.")


@payload("Result of setIspPicture or removeIspPicture.")
class IspPicturePayload(Payload):
    settings: BillingSettings | None = strawberry.field(description="Settings after the change.")


@mutation(ADMIN, "Set the logo or the QRIS picture; the one before is gone.")
async def set_isp_picture(info: Info, input: Annotated[SetIspPictureInput, INPUT]) -> IspPicturePayload:
    picture = await _inspected(input.picture)
    async with info.context.transaction() as session:
        await pictures.put(session, input.kind, media_type=picture.media_type, content=picture.content)
        changed = await _settings(info, session)
    return row(settings=changed)


@mutation(ADMIN, "Remove the logo or the QRIS picture.")
async def remove_isp_picture(info: Info, input: Annotated[RemoveIspPictureInput, INPUT]) -> IspPicturePayload:
    async with info.context.transaction() as session:
        await pictures.remove(session, input.kind)
        changed = await _settings(info, session)
    return row(settings=changed)


async def _inspected(upload: Any) -> Proof:
    """Decode an upload as a proof is, and re-encode it. Raises InvalidPicture."""
    if not isinstance(upload, UploadFile):
        why = Sentence("send the file by a GraphQL multipart request.", "kirim berkasnya dengan permintaan multipart GraphQL.")
        raise InvalidPicture(field=("input", "picture"), why=why)
    content = await upload.read(MAX_PICTURE_BYTES + 1)
    if len(content) > MAX_PICTURE_BYTES:
        why = Sentence("it has more than 1 MB; send a smaller one.", "ukurannya lebih dari 1 MB; kirim yang lebih kecil.")
        raise InvalidPicture(field=("input", "picture"), why=why)
    try:
        return await inspect(content)
    except InvalidProof as refusal:
        raise InvalidPicture(field=("input", "picture"), why=refusal.why) from refusal


QUERIES: Final = [billing_settings]
MUTATIONS: Final = [update_billing_settings, set_isp_picture, remove_isp_picture]
