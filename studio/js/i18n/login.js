import { extend } from "../core/i18n.js";

extend({
  zh: {
    "login.title": "登录",
    "login.lead": "登录后即可查看和制作你的影片。",
    "login.name": "用户名",
    "login.password": "密码",
    "login.go": "登录",
    "login.key": "改用 API 密钥",
    "login.key.label": "API 密钥",
    "login.key.go": "用密钥进入",
    "login.key.wrong": "这个密钥无效。",
    "login.hint": "没有账号？请管理员运行 main.py user add 名字。",
  },
  en: {
    "login.title": "Log in",
    "login.lead": "Log in to see and make your films.",
    "login.name": "Name",
    "login.password": "Password",
    "login.go": "Log in",
    "login.key": "Use an API key instead",
    "login.key.label": "API key",
    "login.key.go": "Enter with the key",
    "login.key.wrong": "This key does not hold.",
    "login.hint": "No account? An administrator adds one: main.py user add NAME.",
  },
});
