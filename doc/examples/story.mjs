// A story becomes a film: node story.mjs [http://host:port]. Node 18 or newer, or, without the first line, a browser; prints the film's link.
const api = (process.argv[2] ?? "http://127.0.0.1:8080") + "/api";

/** An answer that went well; anything else throws the server's words. */
async function call(method, path, body) {
  const answer = await fetch(api + path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const { code, message, ...rest } = await answer.json();
  if (code !== 0) throw new Error(`${code}: ${message}`);
  return rest;
}

/** The task's result, once it has succeeded. */
async function finished(taskId) {
  for (;;) {
    const task = await call("GET", `/tasks/${taskId}/status`);
    if (task.status === "SUCCESS") return task.result;
    if (task.status === "FAILED") throw new Error(task.err_msg);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

const created = await call("POST", "/projects/create", {
  title: "灯塔",
  style: "watercolour",
  story: "小猫住在灯塔里。清晨太阳出来了。",
  shot_count: 2,
});
for (const shot of (await finished(created.task_id)).shots) console.error(shot.order, shot.prompt);

const film = await call("POST", `/projects/${created.project_id}/compose`, { mode: "preview" }); // it waits for the images by itself
console.log((await finished(film.task_id)).video_url);
