// A story for who has none at hand.

export const EXAMPLES = {
  zh: {
    title: "修表匠与雨夜",
    story:
      "老城的巷子尽头，有一家很小的修表铺。修表匠姓林，头发花白，总戴着一副圆眼镜。\n" +
      "一个雨夜，一个穿红雨衣的女孩推门进来，手里捧着一只停了很久的怀表。\n" +
      "“这是爷爷的，”她说，“他说，表走起来的时候，他就会回家。”\n" +
      "林师傅把表打开，里面没有坏掉的齿轮，只有一张小小的照片：一个穿红雨衣的女孩。\n" +
      "他轻轻上了三圈发条，滴答声又响了起来。\n" +
      "雨停了。巷口的路灯下，一位老人撑着伞，正朝这边走来。",
  },
  en: {
    title: "The watchmaker and the rain",
    story:
      "At the end of a lane in the old town there was a very small shop where watches were mended. The watchmaker had white hair and round glasses.\n" +
      "One rainy night a girl in a red raincoat came in, holding a pocket watch that had stood still for years.\n" +
      "“It is my grandfather’s,” she said. “When it ticks again, he comes home, he told me.”\n" +
      "The watchmaker opened it. No wheel was broken; there was only a small photograph of a girl in a red raincoat.\n" +
      "He wound it three times, and the ticking began.\n" +
      "The rain stopped. Under the lamp at the corner an old man with an umbrella came walking towards them.",
  },
};
