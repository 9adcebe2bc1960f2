// Sets the theme before the first paint; a file of its own because the page's CSP allows no inline script.
;(function () {
  var theme = 'system'
  try {
    theme = JSON.parse(localStorage.getItem('souffleur.prefs') || '{}').theme || theme
  } catch {
    // A page without storage follows the system.
  }
  var light = theme === 'light' || (theme === 'system' && matchMedia('(prefers-color-scheme: light)').matches)
  document.documentElement.dataset.theme = light ? 'light' : 'dark'
})()
