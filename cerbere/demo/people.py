"""The demo's agents. Each stands for one situation, which the README and the printed help describe."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    uid: str
    given_name: str
    family_name: str
    organizational_unit: str
    siret: str
    situation: str
    on_bnum: bool = True
    enrolled: bool = False  # OTP Mél active on Cerbère from the start
    is_superuser: bool = False

    @property
    def email(self) -> str:
        return f"{self.given_name}.{self.family_name}@example.fr".lower()


NEWCOMER = Person(
    "agent.bnum", "Claire", "Fontaine", "SG/DNUM/MSP", "11006801200050",
    "deux facteurs actifs sur le Bnum, rien encore sur Cerbère : commencez par lui",
)  # fmt: skip
PEOPLE = (
    NEWCOMER,
    Person(
        "agent.sansbnum", "Paul", "Lemoine", "SG/DNUM/UNI", "11006801200050",
        "aucune application enregistrée sur le Bnum", on_bnum=False,
    ),
    Person(
        "agent.enrole", "Nadia", "Benali", "DINUM/IA", "13002526500013",
        "OTP Mél déjà activé sur Cerbère", enrolled=True,
    ),
    Person(
        "admin", "Alice", "Garnier", "SG/DNUM/SSI", "11006801200050",
        "administration (/admin/), OTP Mél activé", enrolled=True, is_superuser=True,
    ),
)  # fmt: skip
