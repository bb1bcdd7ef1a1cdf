"use strict";

// Light or dark as the reader's system is, now and when it changes.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

SwaggerUIBundle({
  dom_id: "#docs",
  url: "/openapi.json",
  deepLinking: true,
  displayRequestDuration: true,
  // The default asks somebody else's server to judge our document.
  validatorUrl: null,
  // Keys stay in this page and are gone with it.
  persistAuthorization: false,
});
