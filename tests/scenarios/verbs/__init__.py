"""What can be said: a module for each part of the day."""

from tests.scenarios.verbs import deposits as deposits
from tests.scenarios.verbs import invoices as invoices
from tests.scenarios.verbs import isolation as isolation
from tests.scenarios.verbs import payments as payments
from tests.scenarios.verbs import scene as scene
from tests.scenarios.verbs import suspensions as suspensions
