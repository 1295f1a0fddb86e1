"""Events of devices, service accesses and plugins."""

from collections.abc import Mapping, Sequence

from sebilling.events.catalogue import UNSET, Payload, Subject, Unset, event
from sebilling.events.ids import CustomerId, DeviceId
from sebilling.language import Sentence


@event("device.created", Subject.DEVICE)
class DeviceCreated(Payload):
    """A device was created."""

    name: str
    driver: str
    destination: Mapping[str, object]


@event("device.changed", Subject.DEVICE)
class DeviceChanged(Payload):
    """A device was changed. Secrets are never shown; a destination is null if the settings can't be read."""

    name: str
    enabled: bool
    settings_changed: Sequence[str]
    destination_before: Mapping[str, object] | Unset = UNSET
    destination: Mapping[str, object] | None


@event("device.deleted", Subject.DEVICE)
class DeviceDeleted(Payload):
    """A device was deleted."""

    name: str
    driver: str


@event("device.health_changed", Subject.DEVICE, hook=True)
class DeviceHealthChanged(Payload):
    """A device became unreachable or reachable again, or its problems changed."""

    name: str
    reachable: bool
    problems: Sequence[Sentence]


@event("device.secrets_rotated", Subject.DEVICE)
class DeviceSecretsRotated(Payload):
    """Devices' settings were encrypted with a new key."""

    devices: int


@event("service_access.given", Subject.SERVICE_ACCESS)
class ServiceAccessGiven(Payload):
    """An account on a device was assigned to a customer."""

    customer_id: CustomerId
    device_id: DeviceId
    service: str
    key: str


@event("service_access.taken", Subject.SERVICE_ACCESS)
class ServiceAccessTaken(Payload):
    """An account on a device was taken from a customer. `actual`: its state on the device, which stays so."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str
    actual: str


@event("service_access.key_changed", Subject.SERVICE_ACCESS)
class ServiceAccessKeyChanged(Payload):
    """The account of a customer on a device was corrected."""

    customer_id: CustomerId
    device_id: DeviceId
    before: str
    after: str


@event("service_access.speed_given", Subject.SERVICE_ACCESS)
class SpeedGiven(Payload):
    """A customer's account on a device was given the speed of their plan."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str
    rate_down_kbps: int
    rate_up_kbps: int


@event("service_access.retried", Subject.SERVICE_ACCESS)
class ServiceAccessRetried(Payload):
    """A block or restore is tried again at once. `reclaim`: without relying on what was stored of the time before the block."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str
    reclaim: bool


@event("plugin.delivery_failed", Subject.EVENT)
class PluginDeliveryFailed(Payload):
    """An event could not be delivered to a plugin, and was skipped."""

    plugin: str
    hook: str
    kind_of_event: str
    number: int
    attempts: int
    error: str
