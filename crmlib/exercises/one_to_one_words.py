"""Words of the self-assessment of one-to-one marketing, in English and Chinese.

The four steps are those of Peppers, D., Rogers, M. and Dorf, B. (1999), Is your company ready for
one-to-one marketing?, *Harvard Business Review* 77(1), 151-160. The statements are our own.
"""

import math
from collections.abc import Hashable
from typing import NamedTuple

from crmlib.errors import InputError


class Words(NamedTuple):
    """One text in both languages."""

    english: str
    chinese: str


LANGUAGES = ("English", "中文")

STEPS = {
    "identify": Words("Identify", "识别"),
    "differentiate": Words("Differentiate", "区分"),
    "interact": Words("Interact", "互动"),
    "customise": Words("Customise", "定制"),
}

# What the answers 0 to 4 mean.
SCALE = (
    Words("not at all", "完全没有"),
    Words("a little", "很少"),
    Words("in part", "部分做到"),
    Words("mostly", "大多做到"),
    Words("fully and regularly", "完全并经常做到"),
)
MOST = len(SCALE) - 1

STATEMENTS = {
    "identify": (
        Words(
            "We know by name most of those who use what we sell, also where a dealer stands "
            "between us.",
            "我们的产品由谁在用，大多数我们叫得出名字，隔着经销商的也一样。",
        ),
        Words(
            "A customer has one number, the same at the till, in the web shop, in service and in "
            "accounts.",
            "每位客户只有一个编号，收银、网店、客服和财务都用它。",
        ),
        Words(
            "All that we know of a customer can be laid on the table within a minute.",
            "我们对一位客户所知道的一切，一分钟之内就能摆到桌上。",
        ),
        Words(
            "Customers listed twice, moved or closed down are put right at fixed times.",
            "客户记录中的重复、搬迁和停业定期清理。",
        ),
        Words(
            "Customers know what we keep about them, and have agreed to it.",
            "客户知道我们保存了他们的哪些信息，并且已经同意。",
        ),
    ),
    "differentiate": (
        Words(
            "We know what each customer earns us once serving them is paid, not only what they "
            "buy.",
            "我们知道每位客户扣除服务成本后带来多少利润，而不只是买了多少。",
        ),
        Words(
            "We estimate what each customer may still bring, and say how sure we are.",
            "我们估计每位客户将来还能带来多少，也说明这个估计有多大把握。",
        ),
        Words(
            "We know which customers want something different from the others, and what it is.",
            "我们知道哪些客户的需要与别人不同，不同在哪里。",
        ),
        Words(
            "Whoever serves customers knows which are worth most and which cost us money.",
            "为客户服务的人知道哪些客户最有价值，哪些让我们亏损。",
        ),
        Words(
            "Customers are put into classes anew at fixed times, and it is noted who moved.",
            "客户分类定期重算，谁换了类别都有记录。",
        ),
    ),
    "interact": (
        Words(
            "Customers reach us in the way they like, and need not tell their story twice.",
            "客户可以用自己喜欢的方式找到我们，而且不必把事情说两遍。",
        ),
        Words(
            "What is said in a visit, a call or a message is written down for the next who talks "
            "with them.",
            "拜访、电话或留言里说了什么都有记录，下一个接待的人看得到。",
        ),
        Words(
            "We ask for opinions regularly, and tell customers what came of them.",
            "我们定期征求客户意见，并告诉他们后来改了什么。",
        ),
        Words(
            "Complaints are answered within a set time, and counted by cause.",
            "投诉在规定时间内得到答复，并按原因统计。",
        ),
        Words(
            "We notice when a customer falls silent, and get in touch.",
            "客户不再出声时我们会发现，并主动联系。",
        ),
    ),
    "customise": (
        Words(
            "What we offer a customer depends on what this customer bought and said before.",
            "向一位客户推荐什么，取决于这位客户以前买过什么、说过什么。",
        ),
        Words(
            "Our goods or services are made of parts that can be put together for one customer, at "
            "about the usual price.",
            "我们的产品或服务由模块组成，可以为一位客户单独搭配，价格与标准品相近。",
        ),
        Words(
            "Wishes about delivery, invoices and packing are kept; the next order follows them "
            "unasked.",
            "客户对送货、开票和包装的要求记录在案，下次照办，不必再问。",
        ),
        Words(
            "Customers worth more, or in need of more, get a service of their own; who gets it is "
            "written down.",
            "价值更高或需要更多的客户享有专门的服务，谁能享有有书面规定。",
        ),
        Words(
            "What was made for one customer is tried against what everybody gets, and kept where "
            "it pays.",
            "专为一位客户做的，我们会与人人都有的作比较，划算的才保留。",
        ),
    ),
}

# Three a step, for the team's next weeks; the links begin in notebooks/coursework.
ACTIONS = {
    "identify": (
        Words(
            "Put the lists of sales, service and accounts into one, and have it checked for gaps "
            "and doubles: [the sampling frame](../sampling/design.ipynb) shows how.",
            "把销售、客服和财务的名单合成一份，检查遗漏和重复：[抽样框](../sampling/design.ipynb)"
            "一课有做法。",
        ),
        Words(
            "Give every customer one number, and join purchases, visits and complaints by it, as "
            "in [the example company's tables](../../data/README.md).",
            "给每位客户一个编号，用它把购买、拜访和投诉连起来，就像"
            "[示例公司的数据表](../../data/README.md)那样。",
        ),
        Words(
            "Count of how many customers each thing is known, and ask for what is missing most: "
            "the first table of the four steps in "
            "[who is worth what](../segmentation/value.ipynb).",
            "数一数每项信息有多少客户是已知的，先补缺得最多的：见"
            "[客户价值](../segmentation/value.ipynb)一课中四个步骤的第一张表。",
        ),
    ),
    "differentiate": (
        Words(
            "Work out what each customer may still bring, with its interval: "
            "[life cycles](../clp/life_cycle.ipynb).",
            "算出每位客户将来还能带来多少，连同区间：[客户生命周期](../clp/life_cycle.ipynb)。",
        ),
        Words(
            "Take off what serving them costs: [customer costs](../clp/costs.ipynb). Some of the "
            "largest will turn out small.",
            "扣除服务成本：[客户成本](../clp/costs.ipynb)。有些大客户会显得不那么大。",
        ),
        Words(
            "Put customers into [the value matrix](../segmentation/value.ipynb), and agree in the "
            "team what each class gets, and what it no longer gets.",
            "把客户放进[价值矩阵](../segmentation/value.ipynb)，在团队里商定每一类得到什么、"
            "不再得到什么。",
        ),
    ),
    "interact": (
        Words(
            "List who has fallen silent against their own rhythm, and call the first ten this "
            "week: [who is about to leave](../segmentation/warning.ipynb).",
            "列出偏离自己购买节奏、不再出声的客户，本周先给前十位打电话："
            "[流失预警](../segmentation/warning.ipynb)。",
        ),
        Words(
            "Ask a sample how satisfied they are, mend one thing, and tell them that it is done: "
            "[the satisfaction index](../satisfaction/index.ipynb).",
            "抽样询问客户满意度，改好一件事，并告诉他们已经改好："
            "[满意度指数](../satisfaction/index.ipynb)。",
        ),
        Words(
            "Ask whoever complained and then stopped whether the matter was settled: why they stay "
            "or go is in [loyalty](../satisfaction/loyalty.ipynb).",
            "向投诉过、后来不再投诉的客户问一问事情是否解决：留下或离开的原因见"
            "[客户忠诚](../satisfaction/loyalty.ipynb)一课。",
        ),
    ),
    "customise": (
        Words(
            "Choose for each customer one offer they would not buy anyway, within a budget: "
            "[what to offer whom](../segmentation/offers.ipynb).",
            "在预算之内，为每位客户选一个他们原本不会买的推荐：[推荐什么给谁](../segmentation/offers.ipynb)。",
        ),
        Words(
            "Give the offer to half of the list, drawn by lot, and compare: "
            "[drawing a sample](../sampling/design.ipynb) anybody can draw again.",
            "抽签选出名单的一半给予推荐，再作比较：[抽样](../sampling/design.ipynb)一课说明怎样抽取才能重复。",
        ),
        Words(
            "Find out which features are taken for granted and which delight, before you make any "
            "of them to order: [Kano's method](../satisfaction/models.ipynb).",
            "在按客户定制之前，先弄清哪些特性被视为理所当然，哪些让人惊喜："
            "[KANO 方法](../satisfaction/models.ipynb)。",
        ),
    ),
}

TEXTS = {
    "table": Words("step | score | answered", "步骤 | 得分 | 已答"),
    "share": Words("{} %", "{}%"),
    "answered": Words("{} of {}", "{} / {}"),
    "no score": Words("no answer", "未作答"),
    "and": Words(" and ", "和"),
    "comma": Words(", ", "、"),
    "semicolon": Words("; ", "；"),
    "axis": Words("Share of the most possible score", "占最高分的比例"),
    "nothing": Words(
        "**Nothing is answered yet.** Each answer moves the chart.",
        "**还没有作答。** 每答一题，图就会变化。",
    ),
    "left out": Words(
        "Statements not answered, and not counted as nought: {}.",
        "未作答的陈述，不按零分计：{}。",
    ),
    "no step": Words(
        "Nothing is answered for {}, which may be weaker still.",
        "{}一题也没有作答，可能更弱。",
    ),
    "weakest": Words(
        "**Weakest: {} ({}). What to do next:**", "**最弱的一步：{}（{}）。下一步：**"
    ),
    "level": Words(
        "**Weakest, level with one another: {} ({}).** Each step builds on those before it, so "
        "begin with the first of them. **What to do next for {}:**",
        "**最弱的几步得分相同：{}（{}）。** 每一步都建立在前面的步骤之上，所以先从其中的"
        "第一步开始。**{}的下一步：**",
    ),
    "all done": Words(
        "**All that is answered stands at the top.** Have a colleague answer without seeing yours, "
        "and ask customers: [whom, and how many](../sampling/design.ipynb).",
        "**已答各题全是最高分。** 请一位同事在不看您答案的情况下作答，再去问客户："
        "[问谁、问多少](../sampling/design.ipynb)。",
    ),
    "caution": Words(
        "*A check-list for a talk in the team, not a measured scale: four numbers of one person's "
        "opinion. One answer moves a step by 5 points or more, so a small difference is none.*",
        "*这是供团队讨论的清单，不是经过检验的量表：四个数字只是一个人的看法。"
        "一个答案就能使一步变动 5 个百分点或更多，小的差别不算差别。*",
    ),
    "no font": Words(
        "",
        "*matplotlib 找不到中文字体，所以图中用英文："
        "Identify 识别，Differentiate 区分，Interact 互动，Customise 定制。*",
    ),
    # What is wrong with answers.
    "not a table": Words(
        "The answers are a dictionary, with a list for each step: {}.",
        "答案应是一个字典，每一步一个列表：{}。",
    ),
    "unknown step": Words(
        "There is no step {}. The steps are: {}.",
        "没有 {} 这一步。四个步骤是：{}。",
    ),
    "not a list": Words(
        "{}: the answers are a list of {} numbers in square brackets, None where there is none.",
        "{}：答案应是方括号中的 {} 个数字，没有答案的写 None。",
    ),
    "wrong length": Words(
        "{} has {} statements; answers given: {}. Write None where there is no answer.",
        "{} 有 {} 条陈述，给出了 {} 个答案。没有答案的写 None。",
    ),
    "not a number": Words(
        "{}, statement {}: {} is none of 0, 1, 2, 3 and 4. Write None where there is no answer.",
        "{} 第 {} 条：{} 不是 0、1、2、3、4 中的一个。没有答案的写 None。",
    ),
}


def in_language(words: Words, language: str) -> str:
    """Return the words in English or Chinese.

    Parameters
    ----------
    words : Words
    language : str
        "English" or "中文".

    Returns
    -------
    str

    Raises
    ------
    InputError
        The language is another one.
    """
    if language not in LANGUAGES:
        raise InputError(f'The language is "English" or "中文", not {language!r}.')
    return words[LANGUAGES.index(language)]


class Texts:
    """The texts of one language, with their gaps filled in."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, name: str, *values: object) -> str:
        """Return the text of a name, with the values in its gaps."""
        return self.words(name).format(*values)

    def words(self, name: str) -> str:
        """Return the text of a name as it stands, with its gaps."""
        return in_language(TEXTS[name], self.language)

    def step(self, step: Hashable) -> str:
        """Return what a step is called."""
        return in_language(STEPS[str(step)], self.language)

    def share(self, score: float) -> str:
        """Return a score in per cent; it may be missing."""
        return (
            self("no score") if math.isnan(score) else self("share", math.floor(100 * score + 0.5))
        )

    def listed(self, names: list[str]) -> str:
        """Return names as a list in a sentence."""
        before = self("comma").join(names[:-1])
        return f"{before}{self('and')}{names[-1]}" if before else names[-1]
