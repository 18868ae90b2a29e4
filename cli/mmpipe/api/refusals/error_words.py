"""The words by which servers name their errors, and what they mean (FACTS.md, "Errors of other servers").

One spelling stands for all: `rate_limit_error`, `RateLimitError` and `RATE_LIMIT` are `ratelimit`.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from mmpipe.api.refusals.codes import FILTERED, TOO_LONG, UNPAID, ErrorMeaning

_LONGEST: Final = 64  # characters; longer is a sentence
_SIGNS: Final = re.compile(r"[^a-z0-9]+")

# Words of OpenAI, Anthropic, Google, AWS, litellm, vLLM, SGLang, llama.cpp, TGI, DashScope, and phrases of HTTP.
_STATUSES: Final[Mapping[int, str]] = {
    400: """badrequest invalidrequest invalidrequestbody validation badparam invalidargument failedprecondition
        outofrange invalidparameter invalidparameters invalidparams invalidprompt unsupportedparameter
        unsupportedparams unsupportedvalue missingrequiredparameter unknownparameter template tool invalidjson""",
    401: """authentication unauthenticated unauthorized authorized invalidapikey incorrectapikey missingapikey
        invalidtoken invalidauthentication authorizationrequired""",
    402: "paymentrequired",
    403: "permission permissiondenied forbidden accessdenied accessdeniedunpurchased accessterminated",
    404: "notfound modelnotfound modelnotexist nosuchmodel unknownmodel deploymentnotfound resourcenotfound",
    408: "requesttimeout modeltimeout",
    409: "conflict alreadyexists",
    413: "requesttoolarge payloadtoolarge requestentitytoolarge contenttoolarge",
    422: "unprocessableentity unprocessablecontent",
    429: """ratelimit ratelimitexceeded ratelimitreached ratelimited toomanyrequests resourceexhausted throttling
        throttled throttlingratequota
        throttlingallocationquota throttlinguser requests tokens limitrequests limitburstrate slowdown quotaexceeded concurrencylimitexceeded""",
    500: """internalserver internal server api serverfailure internalfailure unknown dataloss generation
        incompletegeneration upstream provider apiconnection connection enginedead badresponsestatuscode
        dorequestfailed cancelled canceled aborted abort network modelerror modelstream""",
    501: "notimplemented unimplemented notsupported",
    502: "badgateway",
    503: "serviceunavailable unavailable nohealthyupstream midstreamfallback modelnotready modelloading loadingmodel",
    504: "timeout timedout deadlineexceeded gatewaytimeout upstreamtimeout",
    529: """overloaded serverisoverloaded serveroverloaded modeloverloaded modelisoverloaded engineoverloaded
        siteisoverloaded overload""",
}
# Words that mean more than any status.
_SPECIFIC: Final[tuple[tuple[ErrorMeaning, str], ...]] = (
    (
        FILTERED,
        """contentfilter contentfiltered contentpolicyviolation responsibleaipolicyviolation datainspectionfailed
        moderation moderationblocked contentmoderation inputmoderation safety sensitive prohibitedcontent""",
    ),
    (
        UNPAID,
        """insufficientquota insufficientuserquota insufficientbalance insufficientcredits insufficientfunds billing
        billinghardlimitreached billingnotactive arrearage
        accountoverdue exceededcurrentquota enforcedspendlimitreached creditbalancetoolow outofcredits budgetexceeded""",
    ),
    (
        TOO_LONG,
        """contextlengthexceeded contextwindowexceeded maxcontextlengthexceeded modelcontextwindowexceeded
        exceedcontextsize contextoverflow contexttoolong prompttoolong promptistoolong inputtoolong
        stringabovemaxlength""",
    ),
)


def meaning_of_word(word: str) -> ErrorMeaning | int | None:
    """The meaning of a word that says more than an HTTP status, or the HTTP status for which the word stands."""
    return _table().get(_normalise(word)) if 0 < len(word) <= _LONGEST else None


@cache
def _table() -> Mapping[str, ErrorMeaning | int]:
    return {
        **{word: status for status, words in _STATUSES.items() for word in words.split()},
        **{word: meaning for meaning, words in _SPECIFIC for word in words.split()},
    }


def _normalise(word: str) -> str:
    plain = _SIGNS.sub("", word.lower())
    return plain.removesuffix("exception").removesuffix("error") or plain
