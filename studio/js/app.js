// The beginning: who is here, where one is, and the frame that shows it.

import "./i18n/common.js";
import { begin as beginSession } from "./core/session.js";
import { begin as beginRouter } from "./core/router.js";
import { store } from "./core/store.js";
import "./core/theme.js";
import "./components/shell.js";

beginRouter();
beginSession();
addEventListener("offline", () => store.update({ connection: "offline" }));
