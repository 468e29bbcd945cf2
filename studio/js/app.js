// The beginning: who is here, where one is, and the frame that shows it.

import "./i18n/common.js";
import { begin as beginSession } from "./core/session.js";
import { begin as beginRouter } from "./core/router.js";
import { begin as beginOffline } from "./core/offline.js";
import { store } from "./core/store.js";
import "./core/theme.js";
import "./components/shell.js";
import { rememberUser } from "./state/kept.js";

beginRouter();
beginSession().then(rememberUser);
addEventListener("load", () => setTimeout(beginOffline, 1500));
addEventListener("offline", () => store.update({ connection: "offline" }));
